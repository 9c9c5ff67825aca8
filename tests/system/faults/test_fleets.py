"""Fleets that are gone, full, coming back, or known only by a name."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import httpx
import pytest
from fakes.fault_client import ANSWERED, FAILED, Answer, during, many, percentile_s
from fakes.fault_site import FaultSite

pytestmark = pytest.mark.system


def test_f9_a_name_is_resolved_once_and_one_that_leads_nowhere_is_refused(site: FaultSite) -> None:
    router = site.router
    with site.row("F9 names", nodes="a") as row:
        named = f"{row.model}-named"
        router.join(named, row.nodes["a"].url.replace("127.0.0.1", "localhost"), row.model)
        answers = row.take(asyncio.run(many(lambda _: row.asker().ask(), 20, at_once=2)))
        assert row.tally.counts == {ANSWERED: 20}
        assert {answer.node for answer in answers} == {named, row.id_of("a")}
        nowhere = f"{row.model}-nowhere"
        asked = router.client.post("/v0/nodes", json={"url": "http://nowhere.invalid:9", "node_id": nowhere})
        assert asked.status_code == 201

        async def approve_meanwhile() -> tuple[httpx.Response, list[Answer]]:
            headers = {"authorization": router.client.headers["authorization"]}
            async with httpx.AsyncClient(base_url=router.url, trust_env=False, headers=headers, timeout=20) as client:
                approval = asyncio.create_task(client.post(f"/v0/nodes/{nowhere}/approve"))
                answers = await many(lambda _: row.asker().ask(), 50, at_once=2)
                return await approval, answers

        approval, answers = asyncio.run(approve_meanwhile())
        row.take(answers)
        assert approval.status_code == 422
        assert "resolve" in approval.text
        assert percentile_s(answers, 95) < 0.5, "a name server that does not answer held up requests"
    router.leave(named)
    router.leave(nowhere)


def test_f37_when_all_nodes_are_down_clients_learn_it_soon_and_the_first_one_back_serves(site: FaultSite) -> None:
    with site.row("F37 all down", nodes="cd") as row:
        row.take([asyncio.run(row.asker().ask())])
        for node in row.nodes.values():
            node.kill()
        answers = row.take(asyncio.run(many(lambda _: row.asker().ask(), 40, at_once=10)))
        assert {answer.status for answer in answers} == {503}
        assert all(1 <= int(answer.headers["retry-after"]) <= 5 for answer in answers)
        assert max(answer.seconds for answer in answers) < 2.5
        row.nodes["c"].start()
        row.nodes["c"].wait_ready()
        started_s = time.monotonic()
        while row.take([asyncio.run(row.asker().ask())])[0].ending != ANSWERED:
            assert time.monotonic() - started_s < 3.0, "the node is up again and gets no work"
        row.tally.note = f"served again after {time.monotonic() - started_s:.1f} s"


def test_f38_beyond_its_capacity_a_fleet_goes_on_working_and_the_rest_is_told_soon(site: FaultSite) -> None:
    with site.row("F38 three times the load", nodes="ab", max_concurrency=4) as row:
        play = {"*": ["sleep:0.1", "answer:8"]}
        asker = row.asker()
        peak = row.take(asyncio.run(during(asker, 8, 1.5, [], play=play)))
        peak_per_s = len(peak) / 1.5

        async def open_loop(seconds: float) -> list[Answer]:
            tasks = []
            gap_s = 1 / (3 * peak_per_s)
            loop = asyncio.get_running_loop()
            started_s = loop.time()
            for number in range(round(seconds / gap_s)):
                await asyncio.sleep(started_s + number * gap_s - loop.time())
                tasks.append(asyncio.create_task(asker.ask(play=play)))
            return await asyncio.gather(*tasks)

        answers = row.take(asyncio.run(open_loop(3.0)))
        answered = [answer for answer in answers if answer.ending == ANSWERED]
        refused = [answer for answer in answers if answer.ending == FAILED]
        goodput_per_s = len(answered) / (3.0 + max(answer.seconds for answer in answered))
        row.tally.note = f"goodput {goodput_per_s / peak_per_s:.0%} of the peak, refused after p99 "
        row.tally.note += f"{percentile_s(refused, 99) * 1000:.0f} ms"
        assert {(answer.status, answer.error) for answer in refused} <= {(429, "queue_full"), (503, "queue_timeout")}
        assert all(1 <= int(answer.headers["retry-after"]) <= 5 for answer in refused)
        assert goodput_per_s >= 0.75 * peak_per_s
        assert percentile_s([answer for answer in refused if answer.status == 429], 95) < 0.5


def test_f39_a_node_that_comes_back_is_not_overrun(usual: FaultSite) -> None:
    with usual.row("F39 comes back") as row:
        node = row.nodes["c"]
        play = {"*": ["sleep:0.03", "answer:8"]}
        steady = row.take(asyncio.run(during(row.asker(), 12, 1.5, [], play=play)))
        node.kill()
        row.take(asyncio.run(many(lambda _: row.asker().ask(), 30, at_once=3)))
        node.start()
        node.wait_ready()
        until_s = time.monotonic() + 10
        while row.node("c")["circuit"] != "closed":
            assert time.monotonic() < until_s, "the node is up again and its circuit does not close"
            row.take([asyncio.run(row.asker().ask())])
            time.sleep(0.05)
        answers = row.take(asyncio.run(during(row.asker(), 12, 1.5, [], play=play)))
        before = Counter(answer.node for answer in steady)[row.id_of("c")] / len(steady)
        after = Counter(answer.node for answer in answers)[row.id_of("c")] / len(answers)
        row.tally.note = f"share {after:.0%} just after, {before:.0%} before"
        assert row.tally.counts[FAILED] == 0
        assert 0 < after <= 1.2 * before


def test_f39_two_hundred_nodes_that_register_at_once_are_all_taken(usual: FaultSite) -> None:
    with usual.row("F39 200 registrations", nodes="a", rss_percent=10.0) as row:
        url = row.nodes["a"].url
        headers = {"authorization": usual.router.client.headers["authorization"]}
        names = [f"herd-{number}" for number in range(200)]

        async def scenario() -> tuple[list[httpx.Response], list[Answer]]:
            async with httpx.AsyncClient(base_url=usual.router.url, trust_env=False, headers=headers) as client:
                herd = asyncio.gather(
                    *(client.post("/v0/nodes", json={"url": url, "node_id": name}, timeout=30) for name in names)
                )
                answers = await many(lambda _: row.asker().ask(), 40, at_once=2)
                registered = await herd
                await asyncio.gather(*(client.delete(f"/v0/nodes/{name}", timeout=30) for name in names))
                return registered, answers

        started_s = time.monotonic()
        registered, answers = asyncio.run(scenario())
        row.take(answers)
        assert {answer.status_code for answer in registered} == {201}
        assert row.tally.counts == {ANSWERED: 40}
        assert time.monotonic() - started_s < 20
