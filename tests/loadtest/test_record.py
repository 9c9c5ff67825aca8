from __future__ import annotations

import pytest
from loadtest.examples import record

from llmlb.loadtest.record import Tokens


def test_ttft_counts_from_the_schedule_and_its_service_time_from_the_sending() -> None:
    late = record(at_s=10.0, sent_s=13.0, ttft_s=3.2)
    assert late.ttft_s == pytest.approx(3.2)
    assert late.ttft_service_s == pytest.approx(0.2)
    assert late.e2e_s - late.e2e_service_s == pytest.approx(3.0)  # type: ignore[operator]  # it was sent


def test_tpot_leaves_the_first_token_out() -> None:
    assert record(ttft_s=5.0, gaps_s=(0.1, 0.3)).tpot_s == pytest.approx(0.2)
    assert record(gaps_s=(0.1, 0.3), tokens=Tokens(completion=5)).tpot_s == pytest.approx(0.1)
    assert record(gaps_s=()).tpot_s is None


def test_lag_is_what_is_left_of_the_delay_without_waiting_for_a_slot_or_the_connection() -> None:
    assert record(at_s=1.0, sent_s=1.5, connect_s=0.2).lag_s == pytest.approx(0.3)
    assert record(at_s=1.0, sent_s=1.1, connect_s=0.2).lag_s == 0.0
