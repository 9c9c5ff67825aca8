from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.loadtest.arrivals import Burst, Constant, Gamma, Pattern, Stage, arrivals, evenly

patterns = st.one_of(
    st.just(Constant()),
    st.builds(Gamma, st.floats(0.2, 5)),
    st.builds(Burst, st.integers(1, 9), st.floats(0.5, 5)),
)
rates = st.floats(0, 20)
stage_lists = st.lists(st.builds(Stage, st.floats(0.1, 20), rates, rates), min_size=1, max_size=4)


def times(pattern: Pattern, stages: list[Stage], seed: int = 1, limit: int | None = None) -> list[float]:
    return [arrival.at_s for arrival in arrivals(pattern, stages, random.Random(seed), limit=limit)]


@given(patterns, stage_lists, st.integers(0, 99))
def test_arrivals_are_ordered_lie_in_their_stage_and_repeat_with_their_seed(
    pattern: Pattern, stages: list[Stage], seed: int
) -> None:
    found = list(arrivals(pattern, stages, random.Random(seed)))
    assert found == list(arrivals(pattern, stages, random.Random(seed)))
    ends = list(itertools.accumulate((stage.duration_s for stage in stages), initial=0.0))
    assert all(early.at_s <= late.at_s + 1e-9 for early, late in itertools.pairwise(found))
    assert all(ends[a.stage] - 1e-6 <= a.at_s <= ends[a.stage + 1] + 1e-6 for a in found)


@given(st.integers(0, 500), st.floats(0.1, 60), st.integers(0, 99))
def test_a_try_of_a_rate_brings_exactly_as_many_arrivals_as_the_rate_says(
    count: int, duration_s: float, seed: int
) -> None:
    found = [arrival.at_s for arrival in evenly(count, duration_s, random.Random(seed))]
    assert len(found) == count
    assert found == sorted(found)
    assert all(0 <= at_s <= duration_s for at_s in found)


def test_constant_arrivals_have_equal_gaps_and_the_exact_count() -> None:
    assert times(Constant(), [Stage(5, 2, 2)]) == pytest.approx([i / 2 for i in range(10)])


def test_poisson_arrivals_have_the_rate_and_a_variation_of_one() -> None:
    found = times(Gamma(1.0), [Stage(2000, 5, 5)])
    gaps = [late - early for early, late in itertools.pairwise(found)]
    assert len(found) == pytest.approx(10_000, rel=0.03)
    assert statistics.stdev(gaps) / statistics.mean(gaps) == pytest.approx(1, rel=0.05)


def test_gamma_arrivals_have_the_variation_that_was_asked_for() -> None:
    gaps = [late - early for early, late in itertools.pairwise(times(Gamma(3.0), [Stage(20_000, 1, 1)]))]
    assert statistics.stdev(gaps) / statistics.mean(gaps) == pytest.approx(3, rel=0.1)


def test_a_ramp_brings_the_mean_of_its_rates_and_more_at_its_end() -> None:
    found = times(Constant(), [Stage(10, 0, 10)])
    assert len(found) == 50
    assert sum(at_s < 5 for at_s in found) == pytest.approx(12.5, abs=1)


def test_a_stage_of_rate_zero_is_a_pause() -> None:
    found = times(Constant(), [Stage(2, 5, 5), Stage(3, 0, 0), Stage(1, 5, 5)])
    assert not [at_s for at_s in found if 2 < at_s < 5]
    assert len(found) == 15


def test_bursts_come_at_once_and_then_again() -> None:
    assert times(Burst(3, 2.0), [Stage(5, 1, 1)]) == [0, 0, 0, 2, 2, 2, 4, 4, 4]


def test_an_endless_stage_ends_with_the_limit() -> None:
    assert len(times(Gamma(), [Stage(math.inf, 3, 3)], limit=7)) == 7
    assert len(times(Burst(5, 1.0), [Stage(math.inf, 1, 1)], limit=12)) == 12
