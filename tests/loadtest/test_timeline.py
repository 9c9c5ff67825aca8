from __future__ import annotations

import pytest
from loadtest.examples import record

from llmlb.loadtest.taxonomy import Ending
from llmlb.loadtest.timeline import timeline


def test_each_request_stands_in_its_seconds() -> None:
    seconds = timeline(
        [
            record(0, at_s=0.2, ttft_s=0.1, gaps_s=(0.1,), e2e_s=2.5),
            record(1, at_s=1.5, ttft_s=None, ending=Ending.STALL, e2e_s=0.1),
        ]
    )
    assert [(s.at_s, s.scheduled, s.sent, s.ok, s.failed, s.in_flight) for s in seconds] == [
        (0, 1, 1, 0, 0, 1),
        (1, 1, 1, 0, 1, 1),
        (2, 0, 0, 1, 0, 0),
    ]
    assert seconds[0].ttft_p50_s == pytest.approx(0.1)
    assert seconds[1].ttft_p50_s is None


def test_a_run_without_requests_has_no_seconds() -> None:
    assert timeline([]) == ()
