from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from tui.fake_router import START_UNIX_S, FakeRouter

from llmlb.client.sse import ServerEvent
from llmlb.clock import rfc3339
from llmlb_tui.source import LONGEST_PAUSE_S, Source


@dataclass
class Heard:
    """A sink that remembers."""

    events: list[str] = field(default_factory=list)
    polls: list[object] = field(default_factory=list)
    callers: list[tuple[str, str]] = field(default_factory=list)
    losses: list[tuple[str, float]] = field(default_factory=list)
    refusals: list[bool] = field(default_factory=list)
    broken: bool = False

    def take_events(self, events: Sequence[ServerEvent]) -> None:
        if self.broken:
            raise ValueError("this sink does not understand")
        self.events += [event.type for event in events]

    def take_poll(self, snapshot: object) -> None:
        self.polls.append(snapshot)

    def take_caller(self, user: str, role: str) -> None:
        self.callers.append((user, role))

    def take_loss(self, cause: str, retry_in_s: float) -> None:
        self.losses.append((cause, retry_in_s))

    def take_refusal(self, cause: str, *, expired: bool) -> None:
        self.refusals.append(expired)


def follow(router: FakeRouter, script: Callable[[Heard, Source], Awaitable[None]], *, patience_s: float = 5.0) -> Heard:
    """Run a script beside a source; pauses are ended by the script."""
    heard = Heard()

    async def run() -> None:
        async with router.client() as client:
            source = Source(client, heard, poll_interval_s=0.001, patience_s=patience_s, rng=random.Random(1))
            task = asyncio.create_task(source.run())
            try:
                await script(heard, source)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    return heard


async def until(true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


def test_a_snapshot_comes_first_and_differences_follow() -> None:
    router = FakeRouter(3)

    async def script(heard: Heard, source: Source) -> None:
        await until(lambda: heard.events == ["snapshot"])
        router.beat("gpu-0001")
        router.summarise()
        await until(lambda: heard.events == ["snapshot", "node", "fleet"])

    heard = follow(router, script)
    assert heard.callers == [("alice", "admin")]


def test_a_router_that_is_away_is_tried_again_with_growing_pauses_for_ever() -> None:
    router = FakeRouter(1)
    router.go_away()

    async def script(heard: Heard, source: Source) -> None:
        for tries in range(1, 12):
            await until(lambda tries=tries: len(heard.losses) == tries)  # type: ignore[misc]
            source._woken.set()  # the pause is over, though nobody asked for it
        router.come_back()
        source.wake()
        await until(lambda: "snapshot" in heard.events)

    heard = follow(router, script)
    pauses = [pause for _, pause in heard.losses]
    assert max(pauses) <= LONGEST_PAUSE_S
    assert max(pauses[3:]) > 1.0
    assert "connection refused" in heard.losses[0][0]


def test_a_broken_feed_is_resumed_where_it_ended() -> None:
    router = FakeRouter(1)

    async def script(heard: Heard, source: Source) -> None:
        await until(lambda: bool(heard.events))
        router.go_away()
        await until(lambda: bool(heard.losses))
        router.come_back()
        source.wake()
        await until(lambda: router.feeds == 1 and len(heard.events) == 2)

    follow(router, script)
    assert router.last_event_ids == [None, "2"]


def test_an_expired_session_is_not_tried_again_until_somebody_logs_in() -> None:
    router = FakeRouter(1)

    async def script(heard: Heard, source: Source) -> None:
        await until(lambda: bool(heard.events))
        router.expire_session()
        await until(lambda: bool(heard.losses))
        source._woken.set()
        await until(lambda: heard.refusals == [True])
        asked = len(router.calls)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(router.calls) == asked
        await source.client.login("alice", "secret")
        source.wake()
        await until(lambda: heard.events.count("snapshot") == 2)

    follow(router, script)


def test_without_a_feed_the_list_is_polled() -> None:
    router = FakeRouter(2)
    router.has_feed = False

    async def script(heard: Heard, source: Source) -> None:
        await until(lambda: len(heard.polls) == 1)
        source._woken.set()
        await until(lambda: len(heard.polls) == 2)

    heard = follow(router, script)
    assert heard.polls[0] == router.snapshot() | {
        "server_time": rfc3339(START_UNIX_S),
        "fleet": {"server_time": rfc3339(START_UNIX_S), "version": "1.0.3", **router.fleet()},
    }


def test_a_router_without_a_feed_that_goes_away_is_found_again() -> None:
    router = FakeRouter(2)
    router.has_feed = False

    async def script(heard: Heard, source: Source) -> None:
        await until(lambda: len(heard.polls) == 1)
        router.go_away()
        source._woken.set()
        await until(lambda: bool(heard.losses))
        router.come_back()
        source.wake()
        await until(lambda: len(heard.polls) > 1)

    follow(router, script)


def test_a_feed_that_a_proxy_keeps_back_is_polled_beside_until_it_speaks() -> None:
    router = FakeRouter(2)
    router.is_feed_held_back = True

    async def script(heard: Heard, source: Source) -> None:
        await until(lambda: len(heard.polls) >= 2)
        assert router.last_event_ids == [None], "the feed stays open meanwhile"
        router._end_feeds()
        asked = len(heard.polls)
        await until(lambda: len(heard.polls) >= asked + 2)
        router.is_feed_held_back = False
        source.wake()
        await until(lambda: heard.events == ["snapshot"])
        assert router.feeds == 1
        asked = len(heard.polls)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(heard.polls) == asked, "who hears the feed polls no more"

    heard = follow(router, script, patience_s=0.0)
    assert heard.losses == []


def test_a_router_that_talks_nonsense_does_not_end_the_console() -> None:
    router = FakeRouter(1)

    async def script(heard: Heard, source: Source) -> None:
        heard.broken = True
        await until(lambda: bool(heard.losses))
        assert "could not understand" in heard.losses[0][0]
        heard.broken = False
        source.wake()
        await until(lambda: heard.events == ["snapshot"])

    follow(router, script)
    assert router.last_event_ids[-1] is None, "what was not understood is not resumed from"
