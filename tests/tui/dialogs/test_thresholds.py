from __future__ import annotations

from tui.driving import Console, drive
from tui.fake_router import FakeRouter

from llmlb_tui.dialogs.thresholds import ThresholdDialog


def fleet_over(count: int, of: int = 20) -> FakeRouter:
    """``count`` nodes that a GPU limit of 60 would pass over."""
    router = FakeRouter(0)
    for number in range(of):
        router.add_node(f"gpu-{number:02d}", gpu_usage=70.0 if number < count else 30.0, vram_usage=50.0)
    return router


def is_open(console: Console) -> bool:
    return isinstance(console.app.screen, ThresholdDialog)


def test_the_preview_names_the_nodes_as_the_limit_is_typed() -> None:
    async def script(console: Console) -> None:
        await console.press("T", "6", "0")
        text = console.text()
        assert "+ gpu-00 GPU 70>60" in text
        assert "1 over a threshold (+1 -0)" in text
        assert "(+1)" in text

    drive(script, router=fleet_over(1))


def test_the_routers_dry_run_agrees_and_changes_nothing() -> None:
    async def script(console: Console) -> None:
        await console.press("T", "6", "0", "c")
        await console.until(lambda: "the router agrees: 1 nodes" in console.text())
        assert console.router.mutations == []

    drive(script, router=fleet_over(1))


def test_models_that_would_lose_their_last_node_are_named_and_the_router_agrees() -> None:
    router = fleet_over(1)
    router.nodes["gpu-00"].update(loaded_models=["rare"], available_models=["rare"])

    async def script(console: Console) -> None:
        await console.press("T")
        assert "last node" not in console.text()
        await console.press("6", "0")
        assert "! rare would lose its last node" in console.text()
        await console.press("c")
        await console.until(lambda: "the router agrees: 1 nodes" in console.text())
        router.nodes["gpu-05"].update(loaded_models=["other"], gpu_usage=70.0)
        await console.press("c")
        await console.until(lambda: "the router counts otherwise: other, rare" in console.text())

    drive(script, router=router)


def test_a_router_that_counts_otherwise_is_told_of() -> None:
    router = fleet_over(1)

    async def script(console: Console) -> None:
        router.nodes["gpu-05"]["gpu_usage"] = 99.0
        await console.press("T", "6", "0", "c")
        await console.until(lambda: "the router counts 2: 1 more, 0 fewer" in console.text())

    drive(script, router=router)


def test_a_small_change_is_applied_at_once_and_taken_back() -> None:
    router = fleet_over(1)

    async def script(console: Console) -> None:
        await console.press("T", "6", "0", "enter")
        await console.until(lambda: router.settings["gpu_threshold"] == 60.0)
        assert not is_open(console)
        assert [body for _, _, body in router.mutations] == [{"gpu_threshold": 60.0}]
        await console.press("U", "y")
        await console.until(lambda: router.settings["gpu_threshold"] == 80.0)
        await console.press("U")
        assert "nothing to take back" in console.text()

    drive(script, router=router)


def test_undo_takes_back_its_own_change_and_leaves_what_others_changed() -> None:
    router = fleet_over(1)

    async def script(console: Console) -> None:
        await console.press("T", "9", "5", "enter")
        await console.until(lambda: router.settings["gpu_threshold"] == 95.0)
        router.change_settings(vram_threshold=70.0)
        await console.settle()
        await console.press("U")
        assert "now gpu=95, then gpu=80" in console.text()
        assert "llmlb thresholds set gpu=80 " in console.text() + " "
        await console.press("y")
        await console.until(lambda: router.settings["gpu_threshold"] == 80.0)
        assert router.mutations[-1][2] == {"gpu_threshold": 80.0}
        assert router.settings["vram_threshold"] == 70.0

    drive(script, router=router)


def test_undo_stops_where_somebody_changed_the_same_setting_since() -> None:
    router = fleet_over(1)

    async def script(console: Console) -> None:
        await console.press("T", "9", "5", "enter")
        await console.until(lambda: router.settings["gpu_threshold"] == 95.0)
        await console.press("U")
        router.settings["gpu_threshold"] = 85.0  # the feed has not told it yet
        await console.press("y")
        await console.until(lambda: "somebody else set gpu=85 since" in console.text())
        await console.press("y", "escape", "U")
        assert "undo: somebody else set gpu=85 since" in console.text()
        assert [body for _, _, body in router.mutations] == [{"gpu_threshold": 95.0}]

    drive(script, router=router)


def test_undo_that_passes_over_more_than_a_tenth_wants_the_number_typed() -> None:
    router = FakeRouter(0)
    for number in range(20):
        router.add_node(f"gpu-{number:02d}", gpu_usage=85.0 if number < 5 else 30.0, vram_usage=50.0)

    async def script(console: Console) -> None:
        await console.press("T", "9", "5", "enter")
        await console.until(lambda: router.settings["gpu_threshold"] == 95.0)
        await console.press("U")
        assert "type 5 to confirm" in console.text()
        await console.press("y")
        assert router.settings["gpu_threshold"] == 95.0
        await console.press("5", "enter")
        await console.until(lambda: router.settings["gpu_threshold"] == 80.0)

    drive(script, router=router)


def test_the_command_that_does_the_same_names_the_mode_that_was_chosen() -> None:
    async def script(console: Console) -> None:
        await console.press("T")
        assert "mode=" not in console.text()
        await console.press("m")
        assert "llmlb thresholds set gpu=80 vram=90 active=10 mode=round_robin" in console.text()

    drive(script)


def test_a_change_that_passes_over_more_than_a_tenth_wants_the_number_typed() -> None:
    router = fleet_over(5)

    async def script(console: Console) -> None:
        await console.press("T", "6")
        assert "type 20 to confirm" in console.text()
        await console.press("0")
        assert "type 5 to confirm" in console.text(), "the number follows the limit"
        await console.press("enter")
        assert router.mutations == []
        await console.press("4", "enter")
        assert router.mutations == []
        await console.press("backspace", "5", "enter")
        await console.until(lambda: router.settings["gpu_threshold"] == 60.0)

    drive(script, router=router)


def test_somebody_elses_change_meanwhile_stops_ours() -> None:
    router = fleet_over(1)

    async def script(console: Console) -> None:
        await console.press("T", "6", "0")
        router.change_settings(vram_threshold=70.0)
        await console.settle()
        assert "changed by somebody else" in console.text()
        await console.press("enter")
        assert router.mutations == []
        assert router.settings["gpu_threshold"] == 80.0

    drive(script, router=router)


def test_a_change_that_the_feed_has_not_told_yet_stops_ours_too() -> None:
    router = fleet_over(1)

    async def script(console: Console) -> None:
        await console.press("T", "6", "0")
        router.settings["vram_threshold"] = 70.0
        await console.press("enter")
        await console.until(lambda: "somebody else changed" in console.text())
        assert router.mutations == []

    drive(script, router=router)


def test_arrows_move_between_limits_and_change_them() -> None:
    async def script(console: Console) -> None:
        await console.press("T", "right", "right", "down", "left", "down", "shift+right", "m")
        screen = console.app.screen
        assert isinstance(screen, ThresholdDialog)
        assert screen._then == ("round_robin", 82.0, 89.0, 20)
        await console.press("r")
        assert screen._then == screen._base
        await console.press("up", "up", "5", "backspace", "backspace", "D", "escape")
        assert not is_open(console)
        assert console.router.mutations == []

    drive(script)


def test_enter_at_once_changes_nothing() -> None:
    async def script(console: Console) -> None:
        await console.press("T", "enter")
        assert "nothing is changed yet" in console.text()
        assert console.router.mutations == []

    drive(script)


def test_a_viewer_may_look_but_not_apply() -> None:
    router = FakeRouter(3, role="viewer")

    async def script(console: Console) -> None:
        await console.press("T", "6", "0", "enter")
        assert "needs the role admin" in console.text()
        assert router.mutations == []

    drive(script, router=router)
