from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.telemetry.rates import MAX_RINGS, Count, LatencyWindow, RateBook, RateRing, RateRings

START = 5_000


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 1), st.integers(0, 50))), st.integers(0, 400))
def test_a_ring_sums_exactly_the_complete_seconds_of_its_window(
    counted: list[tuple[int, int, int]], looked_after: int
) -> None:
    ring = RateRing(START)
    events = sorted((START + offset, errors, tokens) for offset, errors, tokens in counted)
    for second, errors, tokens in events:
        ring.add(second, Count(1, errors, tokens))
    now = max([START + looked_after, *(second for second, _, _ in events)])
    rate = ring.rate(now)
    minute = [event for event in events if now - 60 <= event[0] < now]
    recent = [event for event in events if now - 10 <= event[0] < now]
    assert rate.minute_requests == len(minute)
    assert rate.minute_errors == sum(errors for _, errors, _ in minute)
    assert rate.minute_tokens == sum(tokens for _, _, tokens in minute)
    assert rate.requests_per_s == len(recent) / 10
    assert rate.tokens_per_s == sum(tokens for _, _, tokens in recent) / 10
    assert ring.flow(now) == (rate.requests_per_s, rate.tokens_per_s)


def test_looking_twice_at_a_ring_changes_nothing() -> None:
    ring = RateRing(START)
    ring.add(START, Count(1, 0, 7))
    assert ring.rate(START + 3) == ring.rate(START + 3)
    ring.add(START + 3, Count(1, 1, 0))
    assert ring.rate(START + 4).minute_requests == 2


def test_an_error_percentage_of_no_requests_is_zero() -> None:
    assert RateRing(START).rate(START).error_percent == 0.0


@given(st.lists(st.floats(0.001, 3000), min_size=1), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_within_three_percent_of_the_exact_one(values_s: list[float], quantile: float) -> None:
    window = LatencyWindow()
    for value_s in values_s:
        window.add(START, [value_s])
    exact_s = sorted(values_s)[ceil(quantile * len(values_s)) - 1]
    [found_s] = window.percentiles_s(START, quantile)
    assert found_s == pytest.approx(exact_s, rel=0.03)
    assert window.mean_s(START) == pytest.approx(sum(values_s) / len(values_s))


def test_latencies_older_than_a_minute_are_forgotten() -> None:
    window = LatencyWindow()
    window.add(START, [9.0])
    window.add(START + 30, [1.0])
    assert window.percentiles_s(START + 30, 1.0) == [pytest.approx(9.0, rel=0.03)]
    assert window.percentiles_s(START + 65, 1.0) == [pytest.approx(1.0, rel=0.03)]
    assert window.percentiles_s(START + 500, 1.0) == [None]
    assert window.mean_s(START + 500) is None


def test_an_instant_answer_and_an_endless_one_have_a_bucket() -> None:
    window = LatencyWindow()
    window.add(START, [0.0])
    window.add(START, [1e6])
    assert window.percentiles_s(START, 0.5, 1.0) == [pytest.approx(0.0005, rel=0.03), pytest.approx(3600, rel=0.05)]


def test_rings_of_names_that_fell_silent_are_dropped() -> None:
    rings = RateRings()
    rings.add(START, "a", Count(1, 0, 0))
    rings.add(START + 50, "b", Count(1, 0, 0))
    assert set(rings.rates(START + 60)) == {"a", "b"}
    assert set(rings.rates(START + 90)) == {"b"}


def test_ever_new_names_do_not_grow_memory() -> None:
    rings = RateRings()
    for number in range(MAX_RINGS + 100):
        rings.add(START, f"model-{number}", Count(1, 0, 0))
    assert len(rings) == MAX_RINGS
    rings.add(START + 100, "later", Count(1, 0, 0))
    assert set(rings.rates(START + 101)) == {"later"}


def test_a_fleet_without_traffic_has_no_latencies() -> None:
    rates = RateBook().rates(START)
    assert rates.traffic.requests_per_s == 0.0
    assert (rates.mean_s, rates.p50_s, rates.p95_s, rates.ttft_p50_s, rates.ttft_p95_s) == (None,) * 5
