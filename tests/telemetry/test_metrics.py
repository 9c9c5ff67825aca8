from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.record import ExchangeOutcome, ExchangeRecord, Phase
from llmlb.core.retry import Attempt
from llmlb.telemetry.metrics import METRICS, OTHER, MetricKind, Metrics, label_of

ANSWERED, REFUSED = ExchangeOutcome.ANSWERED, ExchangeOutcome.REFUSED


def record(model: str = "llama", outcome: ExchangeOutcome = ANSWERED, node_id: str = "node-1") -> ExchangeRecord:
    return ExchangeRecord(id="r", at_unix_s=0.0, model=model, node_id=node_id, outcome=outcome)


def test_every_promised_metric_is_declared() -> None:
    assert {metric.name for metric in METRICS} >= {
        "llmlb_node_gpu_usage",
        "llmlb_node_vram_usage",
        "llmlb_node_temperature_celsius",
        "llmlb_node_active_requests",
        "llmlb_node_capability_score",
        "llmlb_node_selections_total",
        "llmlb_selection_duration_seconds",
        "llmlb_heartbeats_received_total",
        "llmlb_node_state",
        "llmlb_node_timeouts_total",
        "llmlb_requests_total",
        "llmlb_request_duration_seconds",
        "llmlb_ttft_seconds",
        "llmlb_inter_token_seconds",
        "llmlb_queue_seconds",
        "llmlb_tokens_total",
        "llmlb_queue_depth",
        "llmlb_retries_total",
        "llmlb_cancelled_total",
        "llmlb_leaked_leases_total",
        "llmlb_alerts",
        "llmlb_mass_silence",
        "llmlb_build_info",
        "llm_router_heartbeats_received_total",
        "llm_router_node_state",
        "llm_router_node_timeouts_total",
    }


def test_names_are_unique_and_only_counters_end_in_total() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    for metric in METRICS:
        assert metric.name.endswith("_total") is (metric.kind is MetricKind.COUNTER)
        assert "\n" not in metric.help


def test_an_answered_stream_counts_everything_once() -> None:
    metrics = Metrics()
    ended = record()
    ended.total_s, ended.ttft_s, ended.content_s, ended.events = 2.0, 0.2, 1.5, 16
    ended.prompt_tokens, ended.completion_tokens, ended.queue_s = 7, 16, 0.5
    metrics.take([ended])
    series = metrics.model("llama")
    assert series.requests == {("node-1", ANSWERED): 1}
    assert (series.request_duration.count, series.request_duration.sum_s) == (1, 2.0)
    assert (series.ttft.count, series.ttft.sum_s) == (1, 0.2)
    assert (series.inter_token.count, series.inter_token.sum_s) == (15, 1.5)
    assert (series.queue.count, series.queue.sum_s) == (1, 0.5)
    assert (series.prompt_tokens, series.completion_tokens) == (7, 16)


def test_a_stream_of_one_event_has_no_gaps_and_does_not_divide_by_zero() -> None:
    metrics = Metrics()
    ended = record()
    ended.ttft_s, ended.events = 0.2, 1
    metrics.take([ended])
    assert metrics.model("llama").inter_token.count == 0


def test_a_client_that_left_is_counted_in_its_phase_and_not_as_a_duration() -> None:
    metrics = Metrics()
    ended = record(outcome=ExchangeOutcome.CANCELLED)
    ended.cancelled_phase = Phase.STREAMING
    metrics.take([ended])
    assert metrics.cancellations[Phase.STREAMING] == 1
    assert metrics.model("llama").request_duration.count == 0


def test_a_refused_model_name_takes_no_label() -> None:
    metrics = Metrics(model_labels=5)
    for number in range(50):
        metrics.take([record(f"made-up-{number}", REFUSED, "")])
    metrics.take([record("llama")])
    assert [series.label for series in metrics.models] == [OTHER, "llama"]
    assert metrics.models[0].requests == {("", REFUSED): 50}


def test_a_refusal_of_a_known_model_is_counted_for_it() -> None:
    metrics = Metrics()
    metrics.take([record("llama")])
    metrics.take([record("llama", REFUSED, "")])
    assert metrics.model("llama").requests == {("node-1", ANSWERED): 1, ("", REFUSED): 1}


def test_a_wait_in_vain_is_a_wait() -> None:
    """Else the waits look shortest while nobody gets a turn."""
    metrics = Metrics()
    given_up = record("llama", REFUSED, "")
    given_up.queue_s = 30.0
    metrics.take([given_up])
    metrics.take([record("llama", REFUSED, "")])
    series = metrics.model("llama")
    assert (series.queue.count, series.queue.sum_s) == (1, 30.0)
    assert series.requests == {("", REFUSED): 2}


def test_models_beyond_the_cap_are_other_and_nothing_is_lost() -> None:
    metrics = Metrics(model_labels=3)
    for number in range(10):
        metrics.take([record(f"model-{number}")])
    assert [series.label for series in metrics.models] == [OTHER, "model-0", "model-1", "model-2"]
    assert sum(sum(series.requests.values()) for series in metrics.models) == 10
    assert metrics.models[0].requests[("node-1", ANSWERED)] == 7


@given(st.lists(st.text(), max_size=40), st.integers(1, 5))
def test_labels_are_bounded_and_unique_whatever_models_are_called(names: list[str], cap: int) -> None:
    metrics = Metrics(model_labels=cap)
    for name in names:
        metrics.take([record(name)])
    labels = [series.label for series in metrics.models]
    assert len(labels) == len(set(labels)) <= cap + 1
    assert sum(sum(series.requests.values()) for series in metrics.models) == len(names)


def test_names_that_look_the_same_once_cleaned_share_a_series() -> None:
    metrics = Metrics()
    assert metrics.model("a\x1b") is metrics.model("a\u202e") is metrics.model("a")


def test_a_model_called_other_does_not_double_the_series() -> None:
    metrics = Metrics()
    assert metrics.model(OTHER) is metrics.known_model("never seen")


def test_a_retry_is_counted_by_its_cause() -> None:
    metrics = Metrics()
    metrics.retried(Attempt.BUSY)
    assert metrics.retries == {**dict.fromkeys(Attempt, 0), Attempt.BUSY: 1}


def test_a_deleted_nodes_series_go_and_the_others_stay() -> None:
    metrics = Metrics()
    metrics.take([record(node_id="node-1")])
    metrics.take([record(node_id="node-2")])
    metrics.forget("node-1")
    assert metrics.model("llama").requests == {("node-2", ANSWERED): 1}


@given(st.text())
def test_a_label_can_always_be_written(text: str) -> None:
    label = label_of(text)
    label.encode()
    assert 0 < len(label) <= 256
    assert "\n" not in label
