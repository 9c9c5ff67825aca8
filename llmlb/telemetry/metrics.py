"""Every metric of the router, declared here and nowhere else, and the counters behind them.

Counting is plain attribute arithmetic on the event loop; ``exposition`` turns it into text. What a node's row already
counts (heartbeats, timeouts, selections, figures) is read from the fleet at the scrape and not counted twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from llmlb.core.record import ExchangeOutcome, ExchangeRecord, Phase
from llmlb.core.retry import Attempt
from llmlb.telemetry.alike import (
    alike,
    completion_tokens_of,
    node_id_of,
    prompt_tokens_of,
    queue_s_of,
    summed,
    total_s_of,
)
from llmlb.telemetry.histogram import Histogram


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name, kind and one line of help."""

    name: str
    kind: MetricKind
    help: str

    @property
    def head(self) -> str:
        """The HELP and TYPE lines of the text exposition."""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind}\n"


_COUNTER, _GAUGE, _HISTOGRAM = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM

BUILD_INFO = Metric("llmlb_build_info", _GAUGE, "Always 1; the label says which version runs.")
NODE_GPU_USAGE = Metric("llmlb_node_gpu_usage", _GAUGE, "GPU use in percent; absent without fresh figures.")
NODE_VRAM_USAGE = Metric("llmlb_node_vram_usage", _GAUGE, "GPU memory use in percent; absent without fresh figures.")
NODE_TEMPERATURE = Metric(
    "llmlb_node_temperature_celsius", _GAUGE, "GPU temperature in degrees C; absent when not measured."
)
NODE_ACTIVE = Metric("llmlb_node_active_requests", _GAUGE, "Requests on the node now: ours and those it reported.")
NODE_SCORE = Metric("llmlb_node_capability_score", _GAUGE, "Capability score; the operator's word before the node's.")
NODE_STATE = Metric("llmlb_node_state", _GAUGE, "1 for the state the node is in, 0 for the others.")
NODE_STATE_ALIAS = Metric("llm_router_node_state", _GAUGE, "The same as llmlb_node_state.")
NODE_SELECTIONS = Metric(
    "llmlb_node_selections_total", _COUNTER, "Times a node was chosen, by the reason that decided."
)
HEARTBEATS = Metric("llmlb_heartbeats_received_total", _COUNTER, "Accepted heartbeats.")
HEARTBEATS_ALIAS = Metric(
    "llm_router_heartbeats_received_total", _COUNTER, "The same as llmlb_heartbeats_received_total."
)
NODE_TIMEOUTS = Metric("llmlb_node_timeouts_total", _COUNTER, "Times a node went Offline for silence.")
NODE_TIMEOUTS_ALIAS = Metric("llm_router_node_timeouts_total", _COUNTER, "The same as llmlb_node_timeouts_total.")
SELECTION_DURATION = Metric("llmlb_selection_duration_seconds", _HISTOGRAM, "Time taken to choose a node.")
REQUESTS = Metric(
    "llmlb_requests_total", _COUNTER, "Requests of clients by how they ended; node_id is empty where no node was asked."
)
REQUEST_DURATION = Metric(
    "llmlb_request_duration_seconds",
    _HISTOGRAM,
    "Arrival to last byte of answered requests; failures are left out, for they may be instant.",
)
TTFT = Metric("llmlb_ttft_seconds", _HISTOGRAM, "Arrival to the first content of an answer.")
INTER_TOKEN = Metric(
    "llmlb_inter_token_seconds",
    _HISTOGRAM,
    "Time between content events of a stream. Known as a mean per stream: all gaps of a stream count in one bucket.",
)
QUEUE_WAIT = Metric(
    "llmlb_queue_seconds", _HISTOGRAM, "Time that requests waited for capacity, in vain or not; most wait for none."
)
TOKENS = Metric("llmlb_tokens_total", _COUNTER, "Tokens as engines reported them; without a report, content events.")
QUEUE_DEPTH = Metric("llmlb_queue_depth", _GAUGE, "Requests that wait for capacity now.")
RETRIES = Metric("llmlb_retries_total", _COUNTER, "Further attempts, by how the one before had failed.")
CANCELLED = Metric("llmlb_cancelled_total", _COUNTER, "Requests whose client went away, by what they were doing then.")
LEAKED_LEASES = Metric("llmlb_leaked_leases_total", _COUNTER, "Claims on nodes that were never given back; must be 0.")
ALERTS = Metric(
    "llmlb_alerts",
    _GAUGE,
    "Alerts that fire now, by rule and severity; node_id is empty where no single node is meant.",
)
MASS_SILENCE = Metric("llmlb_mass_silence", _GAUGE, "1 while most of the fleet fell silent at once, else 0.")

METRICS = (
    BUILD_INFO, NODE_GPU_USAGE, NODE_VRAM_USAGE, NODE_TEMPERATURE, NODE_ACTIVE, NODE_SCORE, NODE_STATE,
    NODE_STATE_ALIAS, NODE_SELECTIONS, HEARTBEATS, HEARTBEATS_ALIAS, NODE_TIMEOUTS, NODE_TIMEOUTS_ALIAS,
    SELECTION_DURATION, REQUESTS, REQUEST_DURATION, TTFT, INTER_TOKEN, QUEUE_WAIT, TOKENS, QUEUE_DEPTH, RETRIES,
    CANCELLED, LEAKED_LEASES, ALERTS, MASS_SILENCE,
)  # fmt: skip

SELECTION_BOUNDS_S = (10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3)
REQUEST_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
TTFT_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
INTER_TOKEN_BOUNDS_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5)
"""From OpenTelemetry's advice for the time per output token, with finer steps for small models."""
QUEUE_BOUNDS_S = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

OTHER = "other"
"""The label of every model beyond the cap, and of refused requests for models that nobody has."""
MAX_LABEL_CHARS = 256
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


_WHAT = attrgetter("model", "outcome")
_ANSWERED, _REFUSED = ExchangeOutcome.ANSWERED, ExchangeOutcome.REFUSED


class ModelSeries:
    """Everything counted for one model label. ``requests`` is keyed by node id and outcome.

    removals: grows when ``requests`` loses keys; otherwise keys are only added, and at the end.
    """

    __slots__ = (
        "completion_tokens", "inter_token", "label", "prompt_tokens", "queue", "removals", "request_duration",
        "requests", "ttft",
    )  # fmt: skip

    def __init__(self, label: str) -> None:
        self.label = label
        self.removals = 0
        self.requests: dict[tuple[str, ExchangeOutcome], int] = {}
        self.request_duration = Histogram(REQUEST_BOUNDS_S)
        self.ttft = Histogram(TTFT_BOUNDS_S)
        self.inter_token = Histogram(INTER_TOKEN_BOUNDS_S)
        self.queue = Histogram(QUEUE_BOUNDS_S)
        self.prompt_tokens = 0
        self.completion_tokens = 0

    def forget(self, node_id: str) -> None:
        for key in [key for key in self.requests if key[0] == node_id]:
            del self.requests[key]
            self.removals += 1


class Metrics:
    """The router's counters. One instance per process; used on the event loop only.

    model_labels: at most so many models have figures of their own; the rest is counted as ``other``.
    leaked_leases: set by whoever looks for leases that nobody will release.
    selections_s: how long choices took, for whoever chooses to append to; they are counted with the records.
    """

    def __init__(self, *, model_labels: int = 200) -> None:
        self.selections_s: list[float] = []
        self._selection_duration = Histogram(SELECTION_BOUNDS_S)
        self.retries: dict[Attempt, int] = dict.fromkeys(Attempt, 0)
        self.cancellations: dict[Phase, int] = dict.fromkeys(Phase, 0)
        self.leaked_leases = 0
        self._model_labels = model_labels
        self._other = ModelSeries(OTHER)
        self._by_label: dict[str, ModelSeries] = {OTHER: self._other}
        self._by_name: dict[str, ModelSeries] = {}

    @property
    def models(self) -> list[ModelSeries]:
        """All series that have a label of their own, ``other`` first."""
        return list(self._by_label.values())

    def model(self, name: str) -> ModelSeries:
        """The series that counts for a model, made at its first use as long as there is room."""
        series = self._by_name.get(name)
        return series if series is not None else self._enter(name)

    def known_model(self, name: str) -> ModelSeries:
        """The series that counts for a model, never making one."""
        return self._by_name.get(name, self._other)

    @property
    def selection_duration(self) -> Histogram:
        self._count_selections()
        return self._selection_duration

    def take(self, records: Sequence[ExchangeRecord]) -> None:
        """Count finished exchanges: outcome, durations, tokens and, if a client left, the phase."""
        self._count_selections()
        for (model, outcome), same in alike(records, _WHAT).items():
            if outcome is _REFUSED:
                for record in same:
                    self._refused(record)
            else:
                self._take(self._by_name.get(model) or self._enter(model), outcome, same)

    def _count_selections(self) -> None:
        self._selection_duration.observe_all(self.selections_s)
        self.selections_s.clear()

    def _take(self, series: ModelSeries, outcome: ExchangeOutcome, records: Sequence[ExchangeRecord]) -> None:
        for node_id, number in Counter(map(node_id_of, records)).items():
            key = (node_id, outcome)
            series.requests[key] = series.requests.get(key, 0) + number
        if outcome is _ANSWERED:
            series.request_duration.observe_all(list(map(total_s_of, records)))
        else:
            for record in records:
                if record.cancelled_phase is not None:
                    self.cancellations[record.cancelled_phase] += 1
        self._take_streams(series, [record for record in records if record.ttft_s is not None])
        waits_s = list(filter(None, map(queue_s_of, records)))
        series.queue.observe_all(waits_s)
        series.queue.observe_many(0.0, len(records) - len(waits_s), 0.0)
        series.prompt_tokens += summed(map(prompt_tokens_of, records))
        series.completion_tokens += summed(map(completion_tokens_of, records))

    def _take_streams(self, series: ModelSeries, records: Sequence[ExchangeRecord]) -> None:
        series.ttft.observe_all([record.ttft_s for record in records if record.ttft_s is not None])
        for record in records:
            gaps = record.events - 1
            if gaps > 0:
                series.inter_token.observe_many(record.content_s, gaps, record.content_s / gaps)

    def _refused(self, record: ExchangeRecord) -> None:
        if record.queue_s > 0.0:  # only a model that nodes serve is waited for
            series = self.model(record.model)
            series.queue.observe(record.queue_s)
        else:
            # Its model may be any text that a client cares to send: it must not use up the labels.
            series = self.known_model(record.model)
        key = (record.node_id, record.outcome)
        series.requests[key] = series.requests.get(key, 0) + 1

    def retried(self, cause: Attempt) -> None:
        """Count one further attempt, by how the one before had failed; ``take`` does not count it again."""
        self.retries[cause] += 1

    def forget(self, node_id: str) -> None:
        """Drop a deleted node's series, so that a fleet whose nodes come and go does not grow for ever."""
        for series in self._by_label.values():
            series.forget(node_id)

    def _enter(self, name: str) -> ModelSeries:
        label = label_of(name)
        series = self._by_label.get(label)
        if series is None:
            if len(self._by_label) > self._model_labels:
                return self._other
            series = self._by_label[label] = ModelSeries(label)
        if len(self._by_name) < 2 * self._model_labels:
            # Two names can share a label (both too long); the bound holds for the names as well.
            self._by_name[name] = series
        return series


def label_of(text: str) -> str:
    """Text from outside as a label value: without control, bidi and half characters, of bounded length."""
    return _UNSAFE.sub("", text[:MAX_LABEL_CHARS]) or OTHER
