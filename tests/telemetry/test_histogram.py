from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.telemetry.histogram import Histogram

BOUNDS_S = (0.1, 1.0, 10.0)


def test_a_value_on_a_bound_counts_below_it() -> None:
    histogram = Histogram(BOUNDS_S)
    histogram.observe(1.0)
    assert histogram.counts == [0, 1, 0, 0]


def test_a_value_above_every_bound_is_not_lost() -> None:
    histogram = Histogram(BOUNDS_S)
    histogram.observe(1e9)
    assert histogram.counts == [0, 0, 0, 1]


@given(st.lists(st.floats(0, 100)))
def test_counts_and_sum_are_those_of_the_values(values_s: list[float]) -> None:
    histogram = Histogram(BOUNDS_S)
    for value_s in values_s:
        histogram.observe(value_s)
    assert histogram.count == len(values_s)
    assert histogram.sum_s == pytest.approx(sum(values_s))
    for index, bound_s in enumerate(BOUNDS_S):
        assert sum(histogram.counts[: index + 1]) == sum(value_s <= bound_s for value_s in values_s)


def test_many_of_one_mean_count_where_the_mean_belongs() -> None:
    histogram = Histogram(BOUNDS_S)
    histogram.observe_many(8.0, 4, 2.0)
    assert histogram.counts == [0, 0, 4, 0]
    assert histogram.sum_s == 8.0
