from __future__ import annotations

from loadtest.examples import fleet_records, record

from llmlb.loadtest.tally import Quick, Tally
from llmlb.loadtest.taxonomy import Ending


def test_a_look_tells_the_figures_so_far_and_the_rates_since_the_last_look() -> None:
    tally = Tally()
    for each in fleet_records():
        tally.add(each)
    first = tally.look(2.0)
    assert (first.done, first.ok, first.failed, first.ok_per_s) == (60, 58, 2, 29.0)
    assert len(first.ended) == 60
    assert [(node.name, node.requests) for node in first.nodes] == [("node-1", 20), ("node-2", 18), ("node-3", 20)]
    assert first.reasons == {"least_active": 52, "retry": 6}
    tally.add(record(60))
    second = tally.look(3.0)
    assert (second.done, second.ok_per_s, len(second.ended)) == (61, 1.0, 1)


def test_warm_up_is_shown_as_ended_but_not_counted() -> None:
    tally = Tally()
    from dataclasses import replace

    each = record(0)
    tally.add(replace(each, label=replace(each.label, warm_up=True)))
    look = tally.look(1.0)
    assert (look.done, len(look.ended)) == (0, 1)


def test_nothing_measured_has_no_percentiles() -> None:
    tally = Tally()
    tally.add(record(0, ttft_s=None, ending=Ending.HTTP_503))
    assert tally.look(1.0).ttft_ms == Quick()
