from __future__ import annotations

import pytest
from loadtest.examples import fleet_records, record

from llmlb.loadtest.arrivals import Constant, Stage
from llmlb.loadtest.evidence import Yardstick, overhead_of
from llmlb.loadtest.plan import OpenLoop, Pairs, Plan
from llmlb.loadtest.record import Label


def test_only_a_run_on_a_schedule_has_an_offered_rate() -> None:
    scheduled = Yardstick.of(Plan(OpenLoop(Constant(), (Stage(3.0, 20.0, 20.0),))))
    assert scheduled.measure(fleet_records(), ()).rates.offered_per_s == pytest.approx(20)
    assert Yardstick.of(Plan()).measure(fleet_records(), ()).rates.offered_per_s is None


def test_the_overhead_is_that_of_the_first_token_or_of_the_whole_answer() -> None:
    records = [
        record(label=Label(i, arm=i % 2, pair=i // 2), ttft_s=0.1 if i % 2 else 0.13, e2e_s=0.5 if i % 2 else 0.6)
        for i in range(40)
    ]
    streamed, whole = (Yardstick.of(Plan(Pairs(20), streamed=streamed)) for streamed in (True, False))
    first, last = (overhead_of(each.pair(records, {}), each) for each in (streamed, whole))
    assert first is not None
    assert last is not None
    assert first.percentile(50) == pytest.approx(0.03)
    assert last.percentile(50) == pytest.approx(0.1)
    closed = Yardstick.of(Plan())
    assert overhead_of(closed.pair(records, {}), closed) is None
