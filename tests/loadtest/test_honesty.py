from __future__ import annotations

import pytest

from llmlb.loadtest.honesty import Honesty, judge
from llmlb.loadtest.percentiles import Sample


def verdict(lags_s: list[float], *, ttft_s: float = 0.1, cpu_s: float = 0.1, window_s: float = 10.0) -> Honesty:
    return judge(
        Sample(lags_s), Sample([ttft_s] * 10), loop_lags_ms=Sample([1.0]), cpu_s=cpu_s, window_s=window_s, sockets=1
    )


def test_a_late_client_is_not_honest() -> None:
    found = verdict([0.001] * 480 + [0.03] * 20)
    assert (found.lag_q, found.is_honest) == (99.0, False)
    assert "30 ms late" in found.faults[0]


def test_what_is_late_is_measured_against_the_latency_it_would_spoil() -> None:
    assert verdict([0.03] * 500, ttft_s=2.0).is_honest
    assert verdict([0.03] * 500, ttft_s=2.0).lag_limit_s == pytest.approx(0.1)


def test_one_hiccup_in_thirty_requests_is_no_verdict() -> None:
    found = verdict([0.001] * 29 + [0.05])
    assert (found.lag_q, found.is_honest, found.lag_max_s) == (50.0, True, 0.05)


def test_a_busy_client_is_not_honest_unless_the_run_was_one_burst() -> None:
    assert not verdict([0.0] * 30, cpu_s=9.0).is_honest
    assert verdict([0.0] * 30, cpu_s=0.9, window_s=1.0).is_honest


def test_a_run_that_sent_nothing_is_not_the_clients_fault() -> None:
    assert judge(Sample([]), Sample([]), loop_lags_ms=Sample([]), cpu_s=0, window_s=0, sockets=0).is_honest
