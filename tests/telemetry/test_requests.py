from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.record import AttemptRecord, ExchangeOutcome, ExchangeRecord, RecordFilter
from llmlb.telemetry.requests import UNCOUNTED_RECORDS, RequestLog

ANSWERED, FAILED = ExchangeOutcome.ANSWERED, ExchangeOutcome.FAILED
CANCELLED, REFUSED = ExchangeOutcome.CANCELLED, ExchangeOutcome.REFUSED


NOW_S = 1_000.0


def record(number: int = 1, **fields: object) -> ExchangeRecord:
    made = ExchangeRecord(
        id=f"req-{number}",
        at_unix_s=float(number),
        model="llama",
        node_id="node-1",
        outcome=ANSWERED,
        ended_at_s=NOW_S,
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@given(st.integers(0, 30), st.integers(1, 10))
def test_only_the_newest_records_are_remembered(count: int, capacity: int) -> None:
    log = RequestLog(capacity=capacity)
    for number in range(count):
        log.add(record(number))
    kept = [f"req-{number}" for number in range(count)][-capacity:]
    assert [found.id for found in log.recent(limit=100)] == kept[::-1]
    assert all((log.get(f"req-{number}") is not None) == (f"req-{number}" in kept) for number in range(count))


def test_the_record_of_a_repeated_id_outlives_the_eviction_of_the_older_one() -> None:
    log = RequestLog(capacity=2)
    newer = record(1)
    for made in (record(1), newer, record(2)):
        log.add(made)
    assert log.get("req-1") is newer


def test_a_limit_counts_what_passes_the_filter() -> None:
    log = RequestLog()
    for number in range(10):
        log.add(record(number, model="llama" if number % 2 else "qwen"))
    assert [found.id for found in log.recent(2, RecordFilter(model="qwen"))] == ["req-8", "req-6"]


@pytest.mark.parametrize(
    ("field", "wanted", "other"),
    [
        ("model", "llama", "qwen"),
        ("node_id", "node-1", "node-2"),
        ("key_id", "k1", "k2"),
        ("outcome", ANSWERED, FAILED),
        ("status", 200, 503),
    ],
)
def test_every_filter_field_filters(field: str, wanted: object, other: object) -> None:
    log = RequestLog()
    log.add(record(1, **{field: wanted}))
    log.add(record(2, **{field: other}))
    filters = RecordFilter()
    object.__setattr__(filters, field, wanted)
    assert [found.id for found in log.recent(10, filters)] == ["req-1"]


def test_time_filters_include_since_and_exclude_before() -> None:
    log = RequestLog()
    for number in range(5):
        log.add(record(number))
    between = RecordFilter(since_unix_s=1.0, before_unix_s=3.0)
    assert [found.id for found in log.recent(10, between)] == ["req-2", "req-1"]


def test_a_batch_is_handed_out_once() -> None:
    log = RequestLog()
    log.add(record(1))
    log.add(record(2))
    assert [taken.id for taken in log.take_batch()] == ["req-1", "req-2"]
    assert log.take_batch() == []


def test_records_that_nobody_takes_are_given_up_and_counted() -> None:
    log = RequestLog(batch_limit=3)
    for number in range(5):
        log.add(record(number))
    assert [taken.id for taken in log.take_batch()] == ["req-2", "req-3", "req-4"]
    assert log.dropped == 2


@pytest.mark.parametrize(
    ("outcome", "status", "is_error"),
    [
        (ANSWERED, 200, False),
        (ANSWERED, 404, False),
        (FAILED, 502, True),
        (FAILED, 200, True),
        (CANCELLED, 0, False),
        (REFUSED, 429, False),
        (REFUSED, 404, False),
        (REFUSED, 503, True),
    ],
)
def test_a_clients_own_fault_is_not_an_error_of_the_fleet(
    outcome: ExchangeOutcome, status: int, is_error: bool
) -> None:
    assert record(outcome=outcome, status=status).is_error is is_error


def test_rates_count_requests_tokens_and_errors() -> None:
    log = RequestLog()
    for number in range(20):
        log.add(record(number, completion_tokens=10, total_s=2.0, ttft_s=0.5))
    log.add(record(99, outcome=FAILED, status=502, total_s=0.001))
    rates = log.rates(NOW_S + 1)
    assert rates.traffic.requests_per_s == 2.1
    assert rates.traffic.tokens_per_s == 20.0
    assert rates.traffic.error_percent == pytest.approx(100 / 21)
    assert rates.p50_s == pytest.approx(2.0, rel=0.03)
    assert rates.ttft_p95_s == pytest.approx(0.5, rel=0.03)


def test_an_instant_failure_does_not_make_the_fleet_look_faster() -> None:
    log = RequestLog()
    log.add(record(1, total_s=2.0))
    log.add(record(2, outcome=FAILED, total_s=0.001))
    assert log.rates(NOW_S).mean_s == pytest.approx(2.0)


def test_a_failed_attempt_counts_against_the_node_that_failed() -> None:
    log = RequestLog()
    log.add(record(1, node_id="node-2", attempts=(AttemptRecord("node-1", "least_active", "refused"),)))
    nodes = log.rates_by_node(NOW_S + 1)
    assert (nodes["node-1"].minute_requests, nodes["node-1"].minute_errors) == (1, 1)
    assert (nodes["node-2"].minute_requests, nodes["node-2"].minute_errors) == (1, 0)


def test_a_node_whose_last_attempt_failed_is_counted_once() -> None:
    log = RequestLog()
    log.add(record(1, outcome=FAILED, attempts=(AttemptRecord("node-1", "least_active", "refused"),)))
    node = log.rates_by_node(NOW_S + 1)["node-1"]
    assert (node.minute_requests, node.minute_errors) == (1, 1)


def test_a_refused_request_makes_no_rate_for_the_model_it_made_up() -> None:
    log = RequestLog()
    log.add(record(1, outcome=REFUSED, status=404, model="nonsense", node_id=""))
    assert log.rates_by_model(NOW_S + 1) == {}
    assert log.rates(NOW_S + 1).traffic.minute_requests == 1


@given(st.integers(1, 700))
def test_every_taker_gets_each_record_once_in_order(count: int) -> None:
    taken: list[ExchangeRecord] = []
    log = RequestLog(takers=(taken.extend,))
    added = [record(number) for number in range(count)]
    for each in added:
        log.add(each)
    assert count - len(taken) < UNCOUNTED_RECORDS
    log.count()
    log.count()
    assert taken == added


def test_a_request_counts_in_the_second_in_which_it_ended() -> None:
    log = RequestLog()
    log.add(record(1, ended_at_s=NOW_S))
    log.add(record(2, ended_at_s=NOW_S + 15))
    assert log.rates_by_model(NOW_S + 20)["llama"].requests_per_s == 0.1


def test_what_was_said_leaves_the_record_and_shows_nowhere() -> None:
    log = RequestLog()
    made = record(1, prompt=b"my secret", answer=b"an answer")
    assert "secret" not in repr(made)
    log.add(made)
    log.add(record(2))
    [body] = log.take_bodies()
    assert (made.prompt, made.answer) == (None, None)
    assert (body.request_id, body.prompt, body.answer) == ("req-1", b"my secret", b"an answer")
    assert "secret" not in repr(body)
    assert log.take_bodies() == []


def test_bodies_that_nobody_takes_cost_bounded_memory() -> None:
    log = RequestLog(body_limit_bytes=25)
    for number in range(4):
        log.add(record(number, prompt=b"0123456789"))
    assert [body.request_id for body in log.take_bodies()] == ["req-2", "req-3"]
    assert (log.dropped_bodies, len(log.take_batch())) == (2, 4)
