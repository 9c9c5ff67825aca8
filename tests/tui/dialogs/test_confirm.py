from __future__ import annotations

from tui.driving import Console, drive, make_desk
from tui.fake_router import FakeRouter

from llmlb_tui.desk import Identity
from llmlb_tui.dialogs.confirm import ConfirmDialog


def pending(count: int) -> FakeRouter:
    router = FakeRouter(0)
    for number in range(count):
        router.add_node(f"new-{number:02d}", state="pending", uptime_seconds=0.0)
    router.add_node("old-1")
    return router


def is_open(console: Console) -> bool:
    return isinstance(console.app.screen, ConfirmDialog)


def test_enter_pressed_at_once_does_nothing() -> None:
    async def script(console: Console) -> None:
        for key in ("a", "x", "d", "D"):
            await console.press(key)
            if is_open(console):
                await console.press("enter")
            assert not is_open(console)
        assert console.router.mutations == []

    drive(script, router=pending(1))


def test_escape_and_n_close_without_doing_anything() -> None:
    async def script(console: Console) -> None:
        for key in ("escape", "n"):
            await console.press("a")
            assert is_open(console)
            await console.press(key)
            assert not is_open(console)
        assert console.router.mutations == []

    drive(script, router=pending(1))


def test_y_acts_once_however_often_it_is_hit() -> None:
    async def script(console: Console) -> None:
        await console.press("a")
        await console.press("y", "y", "y", "y", "y")
        assert [path for _, path, _ in console.router.mutations] == ["/v0/nodes/new-00/approve"]
        assert "approved new-00" in console.text()

    drive(script, router=pending(1))


def test_a_node_that_changed_meanwhile_is_not_approved() -> None:
    router = pending(1)

    async def script(console: Console) -> None:
        await console.press("a")
        assert "new-00" in console.text()
        router.change("new-00", "moved", "another address")
        await console.settle()
        assert "changed since this dialog opened" in console.text()
        await console.press("y")
        assert "it changed meanwhile" in console.text()
        assert router.nodes["new-00"]["state"] == "pending"
        await console.press("enter")
        assert not is_open(console)

    drive(script, router=router)


def test_the_targets_are_pinned_when_rows_move_under_the_dialog() -> None:
    router = pending(2)

    async def script(console: Console) -> None:
        await console.press("a")
        pinned = console.app.desk.selection.cursor
        router.remove(pinned)
        router.add_node("aaa-0", state="pending")
        router.beat("aaa-0")
        console.clock.advance(5.0)
        await console.settle()
        assert "is gone" in console.text()
        await console.press("y")
        assert [path for _, path, _ in router.mutations] == [f"/v0/nodes/{pinned}/approve"]
        assert router.nodes["aaa-0"]["state"] == "pending"

    drive(script, router=router)


def test_of_forty_nodes_three_fail_and_only_they_stay_marked() -> None:
    router = pending(40)
    router.failures = {f"new-{number:02d}": (503, "the store is full") for number in (3, 17, 29)}

    async def script(console: Console) -> None:
        await console.press("asterisk", "a")
        assert "1 marked nodes are left alone: not pending" in console.text()
        await console.press("y")
        await console.until(lambda: "3 of 40 failed" in console.text())
        assert console.text().count("✕ new-") == 4, "three in the dialog, the first of them in the events"
        assert sum(node["state"] == "online" for node in router.nodes.values()) == 38
        await console.press("escape")
        assert set(console.app.desk.selection.marks) == {"new-03", "new-17", "new-29"}

    drive(script, router=router)


def test_drain_shows_the_active_requests_falling_and_undrain_takes_it_back() -> None:
    router = FakeRouter(0)
    router.add_node("gpu-1", active_requests=8)

    async def script(console: Console) -> None:
        await console.press("d")
        assert "8 active requests may finish" in console.text()
        router.beat("gpu-1", active_requests=5)
        await console.settle()
        assert "5 active requests may finish" in console.text(), "what is behind a dialog stays live"
        await console.press("y")
        console.clock.advance(2)
        await console.settle()
        assert "◆ Drain" in console.text()
        assert "(by alice)" in console.text()
        await console.press("u", "y")
        assert router.nodes["gpu-1"]["draining"] is False

    drive(script, router=router)


def test_a_reason_for_draining_is_sent_and_stands_in_the_command() -> None:
    async def script(console: Console) -> None:
        await console.press("d", "r", *"fan alarm")
        text = " ".join(console.text().replace("│", " ").split())
        assert "llmlb nodes drain gpu-0000 --reason 'fan alarm' --context prod-eu" in text
        await console.press("enter")
        assert console.router.queries["/v0/nodes/gpu-0000/drain"] == {"reason": "fan alarm"}
        await console.press("u", "y", "d", "y")
        assert console.router.queries["/v0/nodes/gpu-0000/drain"] == {}, "none is needed"

    drive(script, router=FakeRouter(1))


def test_delete_wants_the_id_typed() -> None:
    router = FakeRouter(2)

    async def script(console: Console) -> None:
        await console.press("D", "y")
        await console.press("escape", "D", "tab", "enter")
        assert router.mutations == []
        await console.press("escape", "D", "shift+tab", *"gpu-9999", "enter")
        assert "that is not" in console.text()
        assert router.mutations == []
        victim = console.app.desk.selection.cursor
        for _ in range(8):
            await console.press("backspace")
        await console.press(*victim, "enter")
        assert [(method, path) for method, path, _ in router.mutations] == [("DELETE", f"/v0/nodes/{victim}")]
        assert victim not in router.nodes

    drive(script, router=router)


def test_an_id_typed_blindly_reaches_its_field_and_enter_stays_on_cancel_until_it_is_right() -> None:
    router = FakeRouter(2)

    async def script(console: Console) -> None:
        victim = console.app.desk.selection.cursor
        await console.press("D", *victim[:-1], "y", "enter")
        assert not is_open(console)
        assert router.mutations == []
        await console.press("D", *victim, "x")
        assert f"{victim}x" in console.text()
        await console.press("backspace", "enter")
        assert [(method, path) for method, path, _ in router.mutations] == [("DELETE", f"/v0/nodes/{victim}")]

    drive(script, router=router)


def test_the_enter_of_the_same_breath_finds_what_was_typed() -> None:
    router = FakeRouter(1)

    async def script(console: Console) -> None:
        await console.burst("D", *"gpu-0000", "enter")
        await console.until(lambda: router.nodes == {})

    drive(script, router=router)


def test_a_burst_opens_a_dialog_and_is_typed_into_it() -> None:
    async def script(console: Console) -> None:
        await console.burst("d", "r", *"disk", "space", *"full", "enter")
        await console.until(lambda: console.router.queries.get("/v0/nodes/gpu-0000/drain") == {"reason": "disk full"})
        await console.burst("t", *"rack=9")
        assert "rack=9" in console.text()
        await console.press("escape")
        await console.burst("s", "g")
        assert console.app.desk.view.order[0].key.name == "gpu"
        await console.burst("a", "enter", "D", "enter")
        assert not is_open(console)
        assert len(console.router.mutations) == 1

    drive(script, router=FakeRouter(1))


def test_deleting_several_wants_their_number_typed() -> None:
    router = FakeRouter(3)

    async def script(console: Console) -> None:
        await console.press("asterisk", "D", "shift+tab", "3", "enter")
        await console.settle()
        assert router.nodes == {}

    drive(script, router=router)


def test_a_context_may_want_its_name_typed_before_anything_dangerous() -> None:
    desk = make_desk()
    desk.identity = Identity("http://router.test:8080", context="prod-eu", must_type_name=True)

    async def script(console: Console) -> None:
        assert "PROD" in console.lines()[0]
        await console.press("d", *"prod-eu", "enter")
        assert len(console.router.mutations) == 1

    drive(script, desk=desk, router=FakeRouter(1))


def test_a_key_that_fits_no_node_says_why() -> None:
    async def script(console: Console) -> None:
        await console.press("a")
        assert "not pending" in console.lines()[-1]
        await console.press("u")
        assert "not draining" in console.lines()[-1]
        assert not is_open(console)

    drive(script, router=FakeRouter(1))


def test_the_dialog_names_the_command_that_does_the_same() -> None:
    async def script(console: Console) -> None:
        await console.press("a")
        assert "Same as: llmlb nodes approve new-00 --context prod-eu" in console.text()

    drive(script, router=pending(1))
