from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest.examples import record

from llmlb.loadtest.capacity import MAX_STEPS, Search, is_saturated
from llmlb.loadtest.plan import CapacitySearch
from llmlb.loadtest.taxonomy import Ending


def search(limit_per_s: float, wanted: CapacitySearch) -> Search:
    found = Search(wanted)
    while (rate := found.next_rate) is not None:
        good = rate <= limit_per_s
        found.observe(rate, requests=100, good_share=1.0 if good else 0.5, saturated=False)
    return found


@given(st.floats(3, 5000), st.floats(0.5, 20))
def test_the_search_ends_within_its_tolerance_of_the_limit(limit: float, start: float) -> None:
    found = search(limit, CapacitySearch(start_per_s=start)).result()
    assert found.rate_per_s is not None
    assert found.rate_per_s <= limit <= found.rate_per_s * 1.051
    assert len(found.steps) < MAX_STEPS


def test_a_fleet_that_fails_at_every_rate_has_no_capacity() -> None:
    found = search(0.0, CapacitySearch()).result()
    assert found.rate_per_s is None
    assert len(found.steps) < 10


def test_a_step_whose_backlog_grows_does_not_pass_however_good_it_is() -> None:
    found = Search(CapacitySearch())
    assert not found.observe(1.0, requests=9, good_share=1.0, saturated=True).passed


def noise(seed: int = 1) -> random.Random:
    return random.Random(seed)


def test_a_growing_backlog_is_saturation() -> None:
    rng = noise()
    records = [record(i, at_s=i * 0.1, ttft_s=0.2 + i * 0.01 + rng.random() * 0.1) for i in range(100)]
    assert is_saturated(records)


@pytest.mark.parametrize("seed", range(20))
def test_noise_around_a_steady_latency_is_no_saturation(seed: int) -> None:
    rng = noise(seed)
    records = [record(i, at_s=i * 0.1, ttft_s=0.1 + rng.expovariate(10)) for i in range(100)]
    assert not is_saturated(records)


def test_a_few_requests_at_one_instant_say_nothing() -> None:
    assert not is_saturated([record(i, at_s=0.0, ttft_s=0.1 * i) for i in range(50)])
    assert not is_saturated([record(i, at_s=i, ttft_s=0.1 * i) for i in range(5)])
    assert not is_saturated([record(i, at_s=i, ending=Ending.STALL) for i in range(50)])
