from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from tui.driving import NAMED, Console, drive
from tui.fake_router import FakeRouter

from llmlb_tui.options import ConsoleOptions
from llmlb_tui.preferences import Preferences
from llmlb_tui.screens.fleet import FleetScreen
from llmlb_tui.screens.node import NodeScreen
from llmlb_tui.start import make_desk


def cursor(console: Console) -> str:
    return console.app.desk.selection.cursor


def shown(console: Console) -> list[str]:
    return list(console.app.desk.selection.ids)


def test_cursor_stays_on_its_node_while_the_rows_are_sorted_anew_sixty_times() -> None:
    router = FakeRouter(40)

    async def script(console: Console) -> None:
        await console.press("s", "g", "j", "j", "j")
        chosen = cursor(console)
        orders = set()
        for _ in range(60):
            for node_id in router.nodes:
                router.beat(node_id, gpu_usage=round(router.rng.uniform(0, 100), 1))
            console.clock.advance(1.0)
            await console.settle(2)
            orders.add(tuple(shown(console)))
            assert cursor(console) == chosen
        assert len(orders) > 50, "the rows did move"
        await console.press("enter")
        assert isinstance(console.app.screen, NodeScreen)
        assert console.app.screen.node_id == chosen

    drive(script, router=router)


def test_rates_of_nodes_are_columns_that_sort_also_while_no_node_says_anything() -> None:
    router = FakeRouter(3)
    router.flows = {"gpu-0001": {"requests_per_second": 4.5, "tokens_per_second": 300.0}}

    async def script(console: Console) -> None:
        await console.press("colon", *"columns id,rps,tps", "enter", "s", "q")
        assert shown(console)[0] == "gpu-0001"
        assert "REQ/S" in console.text()
        assert "   4.5    300" in console.text()
        router.flows = {"gpu-0002": {"requests_per_second": 9.0, "tokens_per_second": 300.0}}
        router.summarise()
        console.clock.advance(5.0)
        await console.settle()
        assert shown(console)[0] == "gpu-0002"

    drive(script, router=router)


def test_rows_keep_still_right_after_a_key() -> None:
    router = FakeRouter(5)

    async def script(console: Console) -> None:
        await console.press("s", "g")
        before = shown(console)
        console.clock.advance(5.0)
        await console.press("j")
        router.beat(before[-1], gpu_usage=99.9)
        console.clock.advance(0.2)
        await console.settle()
        assert shown(console) == before, "the next key would have met another row"
        console.clock.advance(0.2)
        await console.settle()
        assert shown(console)[0] == before[-1]

    drive(script, router=router)


def test_filter_works_while_it_is_typed_and_shows_where_it_is_wrong() -> None:
    async def script(console: Console) -> None:
        await console.press("slash", *"gpu-0003")
        assert shown(console) == ["gpu-0003"]
        await console.press("enter")
        assert "1 of 12" in console.text()
        await console.press("slash", "space", *"gpu", "greater_than_sign", "x")
        lines = console.lines()
        assert any("^ x is no figure" in line for line in lines)
        assert shown(console) == ["gpu-0003"], "a bad filter leaves the list as it was"
        await console.press("enter")
        assert console.app.screen_stack[-1].prompt.is_open, "a bad filter is not accepted"  # type: ignore[attr-defined]
        await console.press("escape")
        assert console.app.desk.view.filter.text == "gpu-0003"
        await console.press("escape")
        assert len(shown(console)) == 12

    drive(script)


def test_letters_typed_into_the_filter_do_nothing_else() -> None:
    async def script(console: Console) -> None:
        await console.press("slash", *"adxDqTL")
        assert isinstance(console.app.screen, FleetScreen)
        assert console.app.is_running
        assert console.router.mutations == []

    drive(script)


def test_a_second_s_adds_a_key_to_the_order() -> None:
    async def script(console: Console) -> None:
        await console.press("s", "t")
        assert [each.text for each in console.app.desk.view.order] == ["temp", "id"]
        await console.press("s", "s", "v")
        assert [each.text for each in console.app.desk.view.order] == ["temp", "id", "vram"]
        await console.press("S")
        assert console.app.desk.view.order[0].text == "-temp"

    drive(script)


def test_the_four_views_are_behind_their_keys() -> None:
    router = FakeRouter(6)
    router.nodes["gpu-0002"].update(state="pending")

    async def script(console: Console) -> None:
        await console.press("2")
        assert shown(console) == ["gpu-0002"]
        await console.press("3")
        assert "gpu-0002" not in shown(console)
        await console.press("1")
        assert len(shown(console)) == 6

    drive(script, router=router)


def test_columns_are_switched_one_by_one() -> None:
    async def script(console: Console) -> None:
        await console.press("c")
        await console.press("j", "j", "j", "space", "escape")  # the fourth in the list is TEMP
        assert "TEMP" not in console.text()
        await console.press("colon", *"columns id,score,model", "enter")
        assert "SCORE" in console.text()
        assert "llama-3.3-70b" in console.text()
        await console.press("colon", *"columns", "enter")
        assert "TEMP" in console.text()

    drive(script)


def test_columns_are_remembered_for_their_context(tmp_path: Path) -> None:
    async def script(console: Console) -> None:
        console.app.preferences = Preferences(tmp_path)
        await console.press("colon", *"columns id,temp,score", "enter")
        await console.press("c", "j", "j", "j", "space", "escape")
        await console.press("1")
        assert "SCORE" in console.text(), "a view without columns of its own shows the chosen ones"

    drive(script)
    again = Preferences(tmp_path)
    assert again.columns("prod-eu") == ("id", "temp", "score", "avg")
    assert again.columns("elsewhere") == ()
    options = ConsoleOptions("http://router.test:8080", context="prod-eu")
    assert make_desk(options, again, None).view.columns == ("id", "temp", "score", "avg")
    assert make_desk(options._replace(once=True), again, None).view.columns == ()


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50), (60, 15), (100, 30), (240, 60)])
def test_no_line_is_longer_than_the_terminal(size: tuple[int, int]) -> None:
    async def script(console: Console) -> None:
        from rich.cells import cell_len

        assert {cell_len(line) for line in console.lines()} == {size[0]}
        assert "gpu-0004" in console.text()

    drive(script, size=size)


def test_resizing_keeps_the_cursor_on_its_node() -> None:
    async def script(console: Console) -> None:
        await console.press("j", "j", "j")
        chosen = cursor(console)
        for size in ((60, 15), (40, 10), (80, 24), (200, 50)):
            await console.pilot.resize_terminal(*size)
            await console.settle()
            if size == (40, 10):
                assert "needs" in console.text()
            assert cursor(console) == chosen
        assert "SELECTED  " + chosen in console.text()

    drive(script, router=FakeRouter(60), size=(200, 50))


def test_all_thirteen_columns_and_ten_points_fit_in_eighty_cells() -> None:
    async def script(console: Console) -> None:
        head = next(line for line in console.lines() if "NODE" in line)
        for name in ("NODE", "STATE", "GPU", "VRAM", "TEMP", "ACT", "TOTAL", "AVG", "SEEN", "UP", "HEART", "GPU10"):
            assert name in head.split()
        await console.until(lambda: console.app.desk.state.histories["gpu-0001"].is_complete)
        console.clock.advance(1.0)
        await console.settle()
        row = next(line for line in console.lines() if "gpu-0001" in line)
        assert sum("\u2800" < character <= "\u28ff" for character in row) == 5

    drive(script, size=(80, 24))


def test_mouse_moves_the_cursor_opens_a_node_and_sorts() -> None:
    async def script(console: Console) -> None:
        await console.pilot.click("#nodes", offset=(8, 4))
        await console.settle()
        assert cursor(console) == shown(console)[4]
        head = next(line for line in console.lines() if " TEMP" in line)
        await console.pilot.click("#list-head", offset=(head.index("TEMP"), 1))
        await console.settle()
        assert console.app.desk.view.order[0].text == "temp"
        await console.pilot.click("#nodes", offset=(8, 2), times=2)
        await console.settle()
        assert isinstance(console.app.screen, NodeScreen)

    drive(script)


def test_keys_of_the_footer_can_be_pressed_with_the_mouse() -> None:
    async def script(console: Console) -> None:
        foot = console.lines()[-1]
        await console.pilot.click("#foot", offset=(foot.index("? help"), 0))
        await console.settle()
        assert "KEYS: the list of nodes" in console.text()

    drive(script)


def test_the_last_row_is_reached_and_shown() -> None:
    async def script(console: Console) -> None:
        await console.press("G")
        assert cursor(console) == shown(console)[-1]
        assert cursor(console) in console.text()
        await console.press("pageup", "g")
        assert cursor(console) == shown(console)[0]
        await console.press("pagedown", "down", "up", "k")
        assert cursor(console) in console.text()

    drive(script, router=FakeRouter(300))


def test_marks_by_space_range_and_all() -> None:
    async def script(console: Console) -> None:
        marks = console.app.desk.selection.marks
        await console.press("space", "space")
        assert list(marks) == shown(console)[:2]
        await console.press("backslash", "v", "j", "j", "v")
        assert len(console.app.desk.selection.marks) == 3
        assert "3 marked" in console.text()
        await console.press("asterisk")
        assert len(console.app.desk.selection.marks) == 12
        await console.press("escape")
        assert not console.app.desk.selection.marks

    drive(script)


def test_follow_lets_the_cursor_stay_at_its_place() -> None:
    router = FakeRouter(5)

    async def script(console: Console) -> None:
        await console.press("s", "g", "f")
        last = shown(console)[-1]
        console.clock.advance(5.0)
        router.beat(last, gpu_usage=99.9)
        await console.settle()
        assert cursor(console) == last

    drive(script, router=router)


def test_pause_holds_the_picture_and_loses_nothing() -> None:
    router = FakeRouter(3)

    async def script(console: Console) -> None:
        await console.press("p")
        router.beat("gpu-0001", active_requests=777)
        await console.settle()
        assert "777" not in console.text()
        assert "PAUSED" in console.text()
        await console.press("p")
        console.clock.advance(2.0)
        await console.settle()
        assert "777" in console.text()

    drive(script, router=router)


def test_nothing_is_changed_by_the_picture_of_a_moment_ago() -> None:
    router = FakeRouter(3)

    async def script(console: Console) -> None:
        await console.press("p", "d")
        assert "drain: the picture is held still; p lets it go on" in console.text()
        assert router.mutations == []
        await console.press("p", "d", "y")
        await console.until(lambda: bool(router.mutations))

    drive(script, router=router)


def test_pace_changes_how_often_rows_move() -> None:
    async def script(console: Console) -> None:
        await console.press("minus", "minus")
        assert console.app.desk.interval_s == 4.0
        await console.press("plus")
        assert console.app.desk.interval_s == 2.0
        for _ in range(9):
            await console.press("plus")
        assert console.app.desk.interval_s == 0.25

    drive(script)


def test_an_empty_fleet_says_what_to_do() -> None:
    async def script(console: Console) -> None:
        assert "llmlb agent --router-url http://router.test:8080" in console.text()
        for key in ("a", "d", "y", "enter", "j", "G", "space", "asterisk", "v"):
            await console.press(key)
        assert console.router.mutations == []

    drive(script, router=FakeRouter(0))


def test_a_node_that_is_deleted_elsewhere_disappears() -> None:
    router = FakeRouter(3)

    async def script(console: Console) -> None:
        await console.press("asterisk")
        router.remove("gpu-0001")
        await console.settle()
        console.clock.advance(2.0)
        await console.settle()
        assert "gpu-0001" not in shown(console)
        assert "gpu-0001" not in console.app.desk.selection.marks

    drive(script, router=router)


def test_the_rows_on_the_screen_get_the_routers_history_once_each() -> None:
    async def script(console: Console) -> None:
        await console.until(lambda: console.app.desk.state.histories["gpu-0000"].is_complete)
        await console.settle(20)
        asked = [path for method, path in console.router.calls if path.endswith("/metrics")]
        assert len(asked) == len(set(asked)) == 12

    drive(script)


def test_a_filter_typed_in_one_breath_is_typed_into_the_filter() -> None:
    async def script(console: Console) -> None:
        driver = console.app._driver
        assert driver is not None
        for key in ("slash", *"0003"):
            event = events.Key(key, NAMED.get(key, key))
            event.set_sender(console.app)
            driver.send_message(event)
        await console.settle(4)
        assert console.app.desk.view.filter.text == "0003"
        assert console.router.mutations == []

    drive(script)
