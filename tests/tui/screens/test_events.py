"""The events, from before the console was opened and since."""

from __future__ import annotations

from tui.driving import Console, drive
from tui.fake_router import FakeRouter


def test_events_stick_to_the_newest_until_the_cursor_leaves_it() -> None:
    router = FakeRouter(3)

    async def script(console: Console) -> None:
        for number in range(40):
            router.change("gpu-0001", "online", f"cause {number}")
        await console.settle()
        await console.press("E")
        assert "cause 39" in console.text()
        await console.press("up", "up")
        for number in range(40, 54):
            router.change("gpu-0002", "offline", f"cause {number}")
        await console.settle()
        assert "+14 new (G)" in console.text()
        assert "cause 53" not in console.text()
        await console.press("G")
        assert "cause 53" in console.text()
        assert "new (G)" not in console.text()
        assert console.app.desk.state.events.unread == 0

    drive(script, router=router)


def test_events_are_filtered_and_opened() -> None:
    router = FakeRouter(3)

    async def script(console: Console) -> None:
        router.change_settings(cause="gpu 80 -> 90")
        router.change("gpu-0001", "offline", "no heartbeat")
        await console.settle()
        await console.press("E", "slash", *"thresh", "enter")
        assert "no heartbeat" not in console.text()
        assert "(by bob)" in console.text()
        await console.press("up", "enter")
        assert "T shows the thresholds" in console.text()
        await console.press("escape", "escape")
        assert "no heartbeat" in console.text()
        await console.press("escape")
        assert "NODES 3" in console.text()

    drive(script, router=router)


def test_an_event_says_what_to_do_about_it_before_its_node_is_opened() -> None:
    router = FakeRouter(3)

    async def script(console: Console) -> None:
        router.change("gpu-0001", "offline", "no heartbeat")
        await console.settle()
        await console.press("E", "enter")
        assert "look at its engine, its agent and the network between" in console.text()
        assert "Enter opens gpu-0001" in console.text()
        await console.press("enter")
        await console.until(lambda: "the last ten heartbeats" in console.text())
        await console.press("escape", "escape", "escape")
        router.change_settings()
        await console.settle()
        await console.press("E", "enter", "enter")
        assert "about no single node" in console.text()

    drive(script, router=router)


def test_what_was_before_the_console_began_is_fetched_once() -> None:
    router = FakeRouter(3)
    router.past = [
        {"id": 1, "at": "2026-11-18T11:00:00Z", "type": "node", "kind": "offline", "node_id": "gpu-0001", "rule": "",
         "subject": "", "cause": "cable pulled", "actor": ""},
    ]  # fmt: skip

    async def script(console: Console) -> None:
        await console.until(lambda: "cable pulled" in console.text())
        router.change("gpu-0001", "online", "beats again")
        await console.settle()
        await console.press("E")
        assert "2 of 2" in console.text()
        first, second = (line for line in console.lines() if "gpu-0001" in line)
        assert "cable pulled" in first
        assert "beats again" in second
        await console.press("escape", "colon", *"node gpu-0001", "enter", "enter", "G")
        assert "cable pulled" in console.text()
        assert router.calls.count(("GET", "/v0/events/recent")) == 1

    drive(script, router=router)
