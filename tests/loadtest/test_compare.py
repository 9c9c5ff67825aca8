from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.loadtest.compare import Change, Run, compare, mann_whitney_p, unlike
from llmlb.loadtest.percentiles import Sample


def run(name: str, scale: float, *, count: int = 400, seed: int = 1, failed: int = 0, **config: object) -> Run:
    rng = random.Random(seed)
    values = Sample((100 + rng.expovariate(0.05) * scale for _ in range(count)), failures=failed)
    return Run(name, dict.fromkeys(("ttft", "tpot", "e2e"), values), count + failed, failed, config, ())


def test_a_real_difference_is_told_with_its_direction_and_interval() -> None:
    found = compare(run("a", 5), run("b", 3, seed=2))
    p90 = next(row for row in found.rows if (row.metric, row.q) == ("ttft", 90.0))
    assert p90.verdict is Change.BETTER
    assert p90.interval[0] < p90.change < p90.interval[1] < 0
    assert found.p_values["ttft"] < 0.05
    assert not found.is_worse(0.0)


@pytest.mark.parametrize("seed", range(2, 8))
def test_two_runs_of_the_same_thing_are_mostly_no_difference(seed: int) -> None:
    found = compare(run("a", 1), run("b", 1, seed=seed))
    assert not found.is_worse(0.1)


def test_worse_means_by_more_than_was_allowed_and_beyond_chance() -> None:
    found = compare(run("a", 1), run("b", 20, seed=2))
    assert found.is_worse(0.1)
    assert not found.is_worse(100)


def test_more_failures_are_worse_whatever_the_latencies_say() -> None:
    found = compare(run("a", 1), run("b", 1, seed=2, count=360, failed=40))
    assert found.errors_verdict is Change.WORSE
    assert found.is_worse(1.0)
    assert compare(run("a", 1, failed=40, count=360), run("b", 1)).errors_verdict is Change.BETTER


def test_percentiles_that_a_side_cannot_carry_are_not_compared() -> None:
    found = compare(run("a", 1, count=30), run("b", 1, count=600))
    assert {row.q for row in found.rows} == {50.0}


def test_a_percentile_that_became_infinite_is_infinitely_worse() -> None:
    found = compare(run("a", 1), run("b", 1, count=200, failed=200))
    p90 = next(row for row in found.rows if row.q == 90.0)
    assert (p90.change, p90.verdict) == (math.inf, Change.WORSE)


def test_unlike_settings_and_nodes_are_named() -> None:
    a, b = run("a", 1, load="x", model="m"), run("b", 1, load="y", model="m")
    assert unlike(a, b) == ("load",)
    with_nodes = Run("c", a.samples, 1, 0, a.config, ("n1",))
    assert unlike(with_nodes, Run("d", a.samples, 1, 0, a.config, ("n2",))) == ("nodes",)
    assert unlike(with_nodes, a) == ()


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [
        # The first: U = 0, mean 32, deviation 9.52, so z = 31.5 / 9.52 = 3.308.
        ([1, 2, 3, 4, 5, 6, 7, 8], [11, 12, 13, 14, 15, 16, 17, 18], 0.0009391),
        ([1, 1, 2, 2, 3, 3, 4, 4], [1, 1, 2, 2, 3, 3, 4, 4], 1.0),
        ([1.0, 2.0, math.inf, math.inf], [1.0, 2.0, math.inf, math.inf], 1.0),
    ],
)
def test_mann_whitney_agrees_with_known_values(a: list[float], b: list[float], p: float) -> None:
    assert mann_whitney_p(a, b) == pytest.approx(p, abs=1e-4)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.lists(st.floats(0, 10), min_size=1, max_size=30))
def test_mann_whitney_is_symmetric_and_a_probability(a: list[float], b: list[float]) -> None:
    assert mann_whitney_p(a, b) == pytest.approx(mann_whitney_p(b, a))
    assert 0 <= mann_whitney_p(a, b) <= 1
