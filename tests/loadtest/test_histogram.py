from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.loadtest.histogram import GROWTH, Histogram
from llmlb.loadtest.percentiles import Sample

values = st.lists(st.floats(1e-3, 1e7), min_size=1, max_size=80)


@given(values, st.sampled_from([50.0, 90.0, 99.0]))
def test_percentile_is_within_one_bucket_of_the_exact_one(found: list[float], q: float) -> None:
    exact = Sample(found).percentile(q)
    assert Histogram.of(found).percentile(q) == pytest.approx(exact, rel=GROWTH - 1)


@given(values, values)
def test_merging_two_runs_counts_as_one_run_with_both(left: list[float], right: list[float]) -> None:
    merged = Histogram.of(left)
    merged.merge(Histogram.of(right))
    assert merged.counts == Histogram.of(left + right).counts
    assert len(merged) == len(left) + len(right)


def test_zeros_and_infinities_keep_their_ranks() -> None:
    histogram = Histogram.of([0.0, 0.0, 5.0, math.inf])
    assert histogram.percentile(50) == 0.0
    assert histogram.percentile(75) == pytest.approx(5.0, rel=0.01)
    assert histogram.percentile(100) == math.inf


def test_an_empty_histogram_has_no_percentile_and_no_bars() -> None:
    assert Histogram().bars(10) == []
    with pytest.raises(ValueError, match="empty"):
        Histogram().percentile(50)


@given(values, st.integers(1, 30))
def test_bars_hold_every_value_once(found: list[float], width: int) -> None:
    bars = Histogram.of(found).bars(width)
    assert sum(count for *_, count in bars) == len(found)
    assert len(bars) <= width
