from __future__ import annotations

import math
from dataclasses import replace

import pytest
from loadtest.examples import fleet_records, record

from llmlb.loadtest.plan import Slo
from llmlb.loadtest.record import Asked, Label, Tokens
from llmlb.loadtest.results import Summary, summarise
from llmlb.loadtest.taxonomy import Ending


def summary(*args: object, **settings: object) -> Summary:
    return summarise(*args, slo=Slo(), seed=1, **settings)  # type: ignore[arg-type]  # a shorthand of these tests


def test_counts_add_up_and_every_request_is_in_one_class() -> None:
    totals = summary(fleet_records()).totals
    assert (totals.scheduled, totals.ok, totals.failed, totals.cancelled) == (60, 58, 2, 0)
    assert totals.endings == {Ending.OK: 58, Ending.HTTP_503: 2}
    assert totals.error_rate == pytest.approx(2 / 60)
    assert totals.details[Ending.HTTP_503].startswith("HTTP 503")


def test_a_client_that_keeps_its_schedule_sends_at_the_offered_rate_however_long_the_answers_take() -> None:
    records = [record(i, at_s=0.1 * i, ttft_s=5.0) for i in range(11)]
    rates = summary(records, on_schedule=True).rates
    assert rates.offered_per_s == pytest.approx(10)
    assert rates.sent_per_s == pytest.approx(10)
    assert rates.completed_per_s < 2
    late = [record(i, at_s=0.1 * i, sent_s=0.2 * i, ttft_s=5.0) for i in range(11)]
    assert summary(late, on_schedule=True).rates.sent_per_s == pytest.approx(5)


def test_failures_are_infinite_latencies_and_not_missing_ones() -> None:
    records = [record(i, ttft_s=0.1) for i in range(50)] + [
        record(50 + i, ttft_s=None, ending=Ending.CONNECT_REFUSED) for i in range(50)
    ]
    times = summary(records).times
    assert times["ttft"].percentile(50) == pytest.approx(0.1)
    assert times["ttft"].percentile(90) == math.inf
    assert times["e2e"].percentile(90) == math.inf
    assert times["itl"].failures == 0


def test_answers_that_were_not_streamed_have_no_ttft_at_all() -> None:
    whole = [record(i, ttft_s=None, e2e_s=0.5) for i in range(10)]
    failed = [record(10, ttft_s=None, ending=Ending.HTTP_500)]
    times = summary(whole + failed).times
    assert len(times["ttft"]) == 0
    assert len(times["e2e"]) == 11


def test_requests_hung_up_by_the_test_count_neither_as_answers_nor_as_failures() -> None:
    totals = summary([record(0), record(1, ending=Ending.CLIENT_CANCELLED)]).totals
    assert (totals.scheduled, totals.ok, totals.failed, totals.cancelled) == (1, 1, 0, 1)


def test_warm_up_is_not_measured() -> None:
    warm = replace(record(0, ttft_s=9.0), label=Label(0, warm_up=True))
    assert summary([warm, record(1)]).totals.scheduled == 1


def test_rates_cover_first_send_to_last_byte() -> None:
    records = [record(i, at_s=i * 1.0, ttft_s=0.5, gaps_s=(0.25, 0.25)) for i in range(4)]
    rates = summary(records, on_schedule=True).rates
    assert rates.window_s == pytest.approx(4.0)
    assert rates.ok_per_s == pytest.approx(1.0)
    assert rates.offered_per_s == pytest.approx(1.0)
    assert rates.tokens_per_s == pytest.approx(12 / 4.0)
    assert summary(records).rates.offered_per_s is None


def test_ttfo_exists_only_where_reasoning_came_before_the_answer() -> None:
    plain = record(0)
    reasoned = replace(record(1), first_answer_at_s=0.9)
    assert summary([plain, reasoned]).times["ttfo"].measured == [pytest.approx(0.9)]


def test_tokens_that_had_to_be_counted_are_told() -> None:
    estimated = record(0, tokens=Tokens(completion=3, estimated=True))
    assert summary([estimated, record(1)]).totals.estimated == 1


def test_lengths_that_drift_from_what_was_asked_for_are_told() -> None:
    longer = replace(record(0, tokens=Tokens(prompt=110, completion=30)), asked=Asked(100, 40))
    silent = replace(record(1, tokens=Tokens(completion=3)), asked=Asked(100, 0))
    totals = summary([longer, silent]).totals
    assert totals.input_drift == pytest.approx(0.1)
    assert totals.output_drift == pytest.approx(-0.25)
    assert summary([record(0)]).totals.input_drift is None


def test_intervals_are_given_only_for_percentiles_that_the_sample_carries() -> None:
    found = summary([record(i, ttft_s=0.1 + i / 1000) for i in range(30)]).intervals["ttft"]
    assert list(found) == [50.0]
    low, high = found[50.0]
    assert low < 0.1145 < high


def test_a_run_without_requests_has_a_summary() -> None:
    nothing = summary([])
    assert nothing.totals.scheduled == 0
    assert nothing.rates.ok_per_s == 0.0
