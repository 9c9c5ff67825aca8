"""When a rush of connections is over."""

from __future__ import annotations

from llmlb.runtime.memory import LEAST_RUSH, Rush, give_back


def test_a_rush_is_over_once_when_less_than_half_is_left() -> None:
    rush = Rush()
    told = [rush.is_over(connections) for connections in (0, 50, 200, 150, 100, 99, 10, 0, 0)]
    assert told == [False, False, False, False, False, True, True, False, False]


def test_a_few_connections_are_no_rush() -> None:
    rush = Rush()
    assert not any(rush.is_over(connections) for connections in (LEAST_RUSH - 1, 0, LEAST_RUSH - 1, 0))


def test_giving_back_works_or_does_nothing() -> None:
    give_back()
