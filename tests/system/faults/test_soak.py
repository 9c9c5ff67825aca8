"""Ten thousand requests of every kind, of which a third are given up and a tenth meet a dying node."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest
from fakes.fault_client import ANSWERED, CANCELLED, FAILED, Answer, Asker, many
from fakes.fault_site import FaultSite, Row

pytestmark = pytest.mark.system

REQUESTS = 10_000
SEED = 20

DEATHS = (
    ["close"],
    ["reset"],
    ["head", "reset"],
    ["head", "words:3", "reset"],
    ["head", "words:3", "close"],
    ["head", "words:3", "end"],
    ["bytes:HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}", "close"],
)


def some_request(rng: Random) -> tuple[str, dict[str, Any]]:
    """A request and what is to become of it."""
    stream = rng.random() < 0.6
    words = rng.randint(4, 40)
    what: dict[str, Any] = {"stream": stream, "words": words}
    fate = rng.random()
    if fate < 0.3:
        waits = ["sleep:0.2", *(["head", f"words:{words}:0.02", "finish", "end"] if stream else [f"answer:{words}"])]
        return "given up", what | {"play": {"*": waits}, "abort_after_s": rng.uniform(0.005, 0.3)}
    if fate < 0.4:
        return "dying node", what | {"play": dict.fromkeys(rng.sample("abcd", 2), rng.choice(DEATHS))}
    return "plain", what


class Reaper:
    """Kills one node after the other, and starts it again. The nodes' heartbeats go on meanwhile."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self.kills = 0

    async def run(self) -> None:
        """Until it is cancelled; then every node has been started again."""
        while True:
            await asyncio.sleep(1.5)
            key = "abcd"[self.kills % 4]
            node = self._row.nodes[key]
            self._row.router.beat(self._row.id_of(key))
            node.kill()
            self.kills += 1
            try:
                await asyncio.sleep(0.5)
            finally:
                node.start()


async def storm(row: Row, rng: Random, count: int) -> tuple[list[tuple[str, Answer]], int]:
    askers = (row.asker(), row.asker(chunked=True))
    ended: list[tuple[str, Answer]] = []

    async def ask(number: int) -> Answer:
        kind, what = some_request(rng)
        asker: Asker = askers[number % 4 == 0]
        answer = await asker.ask(**what)
        ended.append((kind, answer))
        return answer

    reaper = Reaper(row)
    reaping = asyncio.create_task(reaper.run())
    await many(ask, count, at_once=48)
    reaping.cancel()
    await asyncio.wait({reaping})
    for node in row.nodes.values():
        await asyncio.to_thread(node.wait_ready)
    return ended, reaper.kills


def test_after_ten_thousand_mixed_requests_nothing_is_left(usual: FaultSite) -> None:
    """The first half brings the memory to its level; the second may not raise it."""
    rng = Random(SEED)
    for half, rss_percent in (("first", 50.0), ("second", 5.0)):
        before_mb = usual.router.rss_mb
        with usual.row(f"soak, {half} 5,000", nodes="abcd", rss_percent=rss_percent) as row:
            ended, kills = asyncio.run(storm(row, rng, REQUESTS // 2))
            row.take(answer for _, answer in ended)
            by_kind = {kind: Counter(answer.ending for key, answer in ended if key == kind) for kind, _ in ended}
            row.tally.note = f"{kills} nodes killed, RSS {before_mb:.1f} to {usual.router.rss_mb:.1f} MB"
            assert by_kind["given up"][CANCELLED] > 0.1 * REQUESTS
            assert by_kind["plain"][ANSWERED] > 0.97 * by_kind["plain"].total(), by_kind
            assert by_kind["dying node"][FAILED] > 0.01 * REQUESTS
