from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmlb_tui.model.selection import Selection


def test_cursor_stays_on_its_node_while_rows_move() -> None:
    selection = Selection()
    selection.show(["a", "b", "c"])
    selection.go_to("b")
    selection.show(["c", "a", "b"])
    assert (selection.cursor, selection.place) == ("b", 2)


def test_cursor_that_does_not_follow_stays_at_its_place() -> None:
    selection = Selection()
    selection.follows = False
    selection.show(["a", "b", "c"])
    selection.go(1)
    selection.show(["c", "a", "b"])
    assert (selection.cursor, selection.place) == ("a", 1)


def test_cursor_of_a_node_that_is_gone_goes_to_the_row_at_its_place() -> None:
    selection = Selection()
    selection.show(["a", "b", "c"])
    selection.go_to("c")
    selection.show(["a", "b"])
    assert selection.cursor == "b"
    selection.show([])
    assert selection.cursor == ""
    assert selection.targets() == ()


def test_marks_go_before_the_cursor() -> None:
    selection = Selection()
    selection.show(["a", "b", "c"])
    assert selection.targets() == ("a",)
    selection.toggle_mark()
    assert selection.cursor == "b"
    selection.go(2)
    selection.toggle_mark()
    assert selection.targets() == ("a", "c")
    selection.go(0)
    selection.toggle_mark()
    assert selection.targets() == ("c",)


def test_a_mark_that_is_filtered_out_is_still_a_target() -> None:
    selection = Selection()
    selection.show(["a", "b"])
    selection.toggle_mark()
    selection.show(["b"])
    assert selection.targets() == ("a",)


def test_a_range_marks_everything_between_its_ends() -> None:
    selection = Selection()
    selection.show(list("abcdef"))
    selection.go(1)
    assert selection.begin_or_end_range()
    selection.move(3)
    assert list(selection.marks) == ["b", "c", "d", "e"]
    assert not selection.begin_or_end_range()
    selection.move(1)
    assert "f" not in selection.marks


def test_marks_of_nodes_that_are_gone_are_forgotten() -> None:
    selection = Selection()
    selection.show(["a", "b"])
    selection.mark_all()
    selection.forget({"b": 1})
    assert selection.targets() == ("b",)


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8), min_size=1, max_size=10), st.data())
def test_the_cursor_is_always_on_a_row_that_is_shown(orders: list[list[str]], data: st.DataObject) -> None:
    selection = Selection()
    for order in orders:
        selection.show(order)
        selection.move(data.draw(st.integers(-3, 3)))
        assert selection.cursor == (order[selection.place] if order else "")
