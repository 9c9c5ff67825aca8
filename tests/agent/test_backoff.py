"""Retries spread over the whole ceiling, which doubles from half a second to thirty."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from llmlb.agent.backoff import CAP_S, Backoff, jittered


@given(st.integers())
def test_a_delay_leaves_its_ceiling(seed: int) -> None:
    backoff = Backoff(random.Random(seed))
    for ceiling_s in (0.5, 1, 2, 4, 8, 16, 30, 30, 30):
        assert 0 <= backoff.next_s() <= ceiling_s


def test_delays_use_the_whole_range() -> None:
    backoff = Backoff(random.Random(1))
    delays = [backoff.next_s() for _ in range(500)][10:]
    assert min(delays) < CAP_S * 0.05
    assert max(delays) > CAP_S * 0.95


def test_a_success_starts_over() -> None:
    backoff = Backoff(random.Random(1))
    for _ in range(10):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.5


@given(st.integers(), st.floats(min_value=0.5, max_value=300))
def test_an_interval_keeps_within_a_tenth(seed: int, interval_s: float) -> None:
    assert 0.9 * interval_s <= jittered(interval_s, random.Random(seed)) <= 1.1 * interval_s
