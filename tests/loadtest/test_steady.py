from __future__ import annotations

import pytest
from loadtest.examples import record

from llmlb.loadtest.steady import longest_busy_stretch, steady_tokens_per_s


def test_the_busy_stretch_leaves_out_the_slow_start_and_the_tail() -> None:
    spans = [(float(i), 20.0) for i in range(5)] + [(10.0, 30.0)]
    assert longest_busy_stretch(spans) == (4.0, 20.0)


def test_requests_one_after_the_other_are_busy_throughout() -> None:
    assert longest_busy_stretch([(0, 1), (2, 3), (3.5, 4.5)]) in ((0, 1), (2, 3), (3.5, 4.5))
    assert longest_busy_stretch([]) is None


def test_steady_throughput_is_higher_than_the_mean_with_a_long_tail() -> None:
    short = [record(i, ttft_s=0.0, gaps_s=(0.5, 0.5)) for i in range(9)]
    tail = record(9, ttft_s=0.0, gaps_s=(2.0, 2.0))
    assert steady_tokens_per_s([*short, tail]) == pytest.approx(9 * 3 + 0.75)
    assert steady_tokens_per_s([]) is None
