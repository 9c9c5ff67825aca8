"""What the console shows of a router whose feed does not reach it."""

from __future__ import annotations

from functools import partial

import pytest
from tui.driving import Console, drive
from tui.fake_router import FakeRouter

from llmlb_tui import following
from llmlb_tui.source import Source


def test_without_its_feed_the_console_knows_what_the_feed_would_have_told(monkeypatch: pytest.MonkeyPatch) -> None:
    router = FakeRouter(3)
    router.is_feed_held_back = True
    router.alert("alert-1")
    router.now_unix_s += 3600.0
    monkeypatch.setattr(following, "Source", partial(Source, patience_s=0.0))

    async def script(console: Console) -> None:
        await console.until(lambda: "LIVE polling" in console.text())
        text = console.text()
        assert "13 req/s" in text
        assert "queued 3" in text
        assert "1 firing: node_offline" in text
        assert "clock -3600s" in text
        assert console.app.desk.state.version == "1.0.3"

    drive(script, router=router, is_live=False)


def test_the_clock_of_a_polled_router_does_not_jump_by_the_parts_of_a_second_it_leaves_out() -> None:
    async def script(console: Console) -> None:
        state = console.app.desk.state
        before = state.router_now(0.0)
        state.apply("snapshot", {"server_time": "2026-11-18T11:06:40Z", "nodes": []}, now_s=1000.9)
        assert state.router_now(0.0) == before

    drive(script)


def test_the_title_says_when_the_next_try_is_and_that_one_is_under_way() -> None:
    async def script(console: Console) -> None:
        desk, clock = console.app.desk, console.clock
        desk.connection.failed(clock.now_s, "silent", retry_in_s=2.0)
        await console.settle()
        assert "retry 1 in 2s" in console.text()
        clock.advance(10.0)
        await console.settle()
        assert "retry 1 under way" in console.text()

    drive(script)
