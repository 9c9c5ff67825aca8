from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.loadtest.percentiles import Sample, carries, hints_at, needed, rank

times = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


@given(times, st.sampled_from([1.0, 50.0, 90.0, 99.0, 99.9, 100.0]))
def test_percentile_is_a_measured_value_with_enough_values_at_or_below_it(values: list[float], q: float) -> None:
    found = Sample(values).percentile(q)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * q / 100 - 1e-6
    assert sum(value < found for value in values) < max(1, len(values) * q / 100)


@given(times, st.integers(0, 20))
def test_a_failure_never_improves_a_percentile(values: list[float], failures: int) -> None:
    for q in (50.0, 90.0, 99.0):
        assert Sample(values, failures=failures).percentile(q) >= Sample(values).percentile(q)


def test_failures_reach_the_percentile_they_make_infinite() -> None:
    sample = Sample([0.1] * 90, failures=10)
    assert sample.percentile(90) == 0.1
    assert sample.percentile(91) == math.inf
    assert sample.mean == math.inf
    assert sample.maximum == math.inf
    assert list(sample)[-1] == math.inf


def test_an_empty_sample_has_no_percentile_mean_or_extremes() -> None:
    with pytest.raises(ValueError, match="no percentile"):
        Sample([]).percentile(50)
    with pytest.raises(ValueError, match="no percentile"):
        _ = Sample([]).maximum
    with pytest.raises(ValueError, match="no mean"):
        _ = Sample([]).mean


def test_rank_is_not_off_by_one_through_binary_fractions() -> None:
    assert rank(1000, 99.9) == 999
    assert rank(30, 50) == 15
    assert rank(1, 50) == 1
    with pytest.raises(ValueError, match="percentile"):
        rank(10, 0)


def test_thirty_samples_carry_p50_hint_at_p90_and_have_no_p99() -> None:
    assert carries(30, 50)
    assert not carries(30, 90)
    assert hints_at(30, 90)
    assert not hints_at(30, 99)
    assert [needed(q) for q in (50, 90, 95, 99, 99.9, 100)] == [10, 50, 100, 500, 5000, 1]


def test_interval_agrees_with_plain_resampling_and_is_the_same_for_the_same_seed() -> None:
    rng = random.Random(7)
    values = [rng.expovariate(1) for _ in range(400)]
    sample = Sample(values)
    low, high = sample.interval(90, random.Random(1))
    assert (low, high) == sample.interval(90, random.Random(1))
    plain = sorted(Sample(rng.choices(values, k=400)).percentile(90) for _ in range(500))
    assert low == pytest.approx(plain[12], rel=0.1)
    assert high == pytest.approx(plain[487], rel=0.1)


def test_interval_of_a_sample_with_failures_can_end_in_infinity() -> None:
    assert Sample([1.0] * 95, failures=5).interval(94, random.Random(1))[1] == math.inf
