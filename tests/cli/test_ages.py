"""How long ago a node was seen."""

from __future__ import annotations

from cli.fake_router import node
from hypothesis import given
from hypothesis import strategies as st

from llmlb.clock import rfc3339
from llmlb_cli.ages import nodes_with_ages, seen_at_unix_s, skew_s
from llmlb_cli.registry import NODES

NOW = 1_769_860_809.0


def _seen(rows: list[dict[str, object]], now_unix_s: float) -> list[str]:
    (column,) = (each for each in nodes_with_ages(NODES, rows, now_unix_s=now_unix_s) if each.key == "last_seen")
    return [column.cell_text(row) for row in rows]


def test_a_laptop_whose_clock_is_an_hour_off_shows_the_true_ages() -> None:
    rows = [
        node("a", last_seen=rfc3339(NOW - 5), metrics_age_seconds=5.0),
        node("b", last_seen=rfc3339(NOW - 40), metrics_available=False, metrics_age_seconds=None),
    ]
    for skew in (3600, -3600, 0):
        assert _seen(rows, NOW + skew) == ["5s", "40s"]


def test_old_figures_of_a_node_that_still_beats_do_not_count_as_skew() -> None:
    rows = [
        node("a", last_seen=rfc3339(NOW - 5), metrics_age_seconds=600.0),
        node("b", last_seen=rfc3339(NOW - 7), metrics_age_seconds=7.0),
    ]
    assert _seen(rows, NOW) == ["5s", "7s"]


def test_a_second_of_rounding_is_no_skew() -> None:
    assert skew_s([node("a", last_seen=rfc3339(NOW - 5), metrics_age_seconds=4.2)], NOW) == 0.0


def test_a_node_never_seen_has_no_age() -> None:
    assert _seen([node("a", last_seen=None)], NOW) == ["-"]


@given(st.none() | st.text() | st.integers() | st.floats())
def test_an_instant_that_cannot_be_read_is_unknown(value: object) -> None:
    at = seen_at_unix_s({"last_seen": value})
    assert at is None or isinstance(value, str)
