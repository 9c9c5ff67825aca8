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


def test_rows_that_only_pass_through_are_not_asked_for_their_histories() -> None:
    router = FakeRouter(60)

    async def script(console: Console) -> None:
        clock, node_id = console.clock, "gpu-0059"

        def is_asked() -> bool:
            return ("GET", f"/v0/nodes/{node_id}/metrics") in router.calls

        async def look() -> None:
            clock.advance(1.1)
            await console.settle()

        await look()
        assert ("GET", f"/v0/nodes/{console.app.desk.selection.ids[0]}/metrics") in router.calls
        for gpu in (100.0, 0.0):
            router.beat(node_id, gpu_usage=gpu)
            await look()
        assert not is_asked(), "it was on the screen for a moment"
        router.beat(node_id, gpu_usage=100.0)
        await look()
        await look()
        assert is_asked(), "it stayed"

    drive(script, router=router)
