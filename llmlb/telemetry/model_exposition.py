"""The metrics that have lines per model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from llmlb.telemetry import metrics as declared
from llmlb.telemetry.exposition_lines import HistogramLines, family, label_set, line
from llmlb.telemetry.metrics import Metrics, ModelSeries


class _ModelLines:
    """Templates of one model's lines."""

    __slots__ = (
        "_known", "_removals", "_requests", "completion", "inter_token", "prompt", "queue", "queue_depth",
        "request_duration", "series", "ttft",
    )  # fmt: skip

    def __init__(self, series: ModelSeries) -> None:
        label = label_set({"model": series.label})
        self.series = series
        self._requests = ""
        self._known = 0
        self._removals = 0
        self.request_duration = HistogramLines(declared.REQUEST_DURATION, label, declared.REQUEST_BOUNDS_S)
        self.ttft = HistogramLines(declared.TTFT, label, declared.TTFT_BOUNDS_S)
        self.inter_token = HistogramLines(declared.INTER_TOKEN, label, declared.INTER_TOKEN_BOUNDS_S)
        self.queue = HistogramLines(declared.QUEUE_WAIT, label, declared.QUEUE_BOUNDS_S)
        self.prompt = line(declared.TOKENS, label_set({"model": series.label, "kind": "prompt"}))
        self.completion = line(declared.TOKENS, label_set({"model": series.label, "kind": "completion"}))
        self.queue_depth = line(declared.QUEUE_DEPTH, label)

    def requests(self) -> str:
        counts = self.series.requests
        if self.series.removals != self._removals:
            self._removals, self._known, self._requests = self.series.removals, 0, ""
        if len(counts) != self._known:
            labels = (
                label_set({"model": self.series.label, "node_id": node_id, "outcome": outcome})
                for node_id, outcome in islice(counts, self._known, None)
            )
            self._requests += "".join([line(declared.REQUESTS, label, "%d") for label in labels])
            self._known = len(counts)
        return self._requests % tuple(counts.values())


class ModelExposition:
    """Renders the families of models; remembers the lines of each model that has a label."""

    def __init__(self) -> None:
        self._lines: dict[str, _ModelLines] = {}

    def families(self, metrics: Metrics, queue_depths: Mapping[str, int]) -> Iterator[str]:
        """The text in pieces, so that a caller may do something else in between. queue_depths: by label."""
        lines = [self._lines_of(series) for series in metrics.models]
        yield declared.REQUESTS.head
        for at in lines:
            yield at.requests()
        tokens = [count for at in lines for count in (at.series.prompt_tokens, at.series.completion_tokens)]
        yield family(declared.TOKENS, [at.prompt + at.completion for at in lines], tokens)
        depths = [queue_depths.get(at.series.label, 0) for at in lines]
        yield family(declared.QUEUE_DEPTH, [at.queue_depth for at in lines], depths)
        durations = [at.request_duration.text(at.series.request_duration) for at in lines]
        yield declared.REQUEST_DURATION.head + "".join(durations)
        yield declared.TTFT.head + "".join([at.ttft.text(at.series.ttft) for at in lines])
        yield declared.INTER_TOKEN.head + "".join([at.inter_token.text(at.series.inter_token) for at in lines])
        yield declared.QUEUE_WAIT.head + "".join([at.queue.text(at.series.queue) for at in lines])

    def _lines_of(self, series: ModelSeries) -> _ModelLines:
        lines = self._lines.get(series.label)
        if lines is None or lines.series is not series:
            lines = self._lines[series.label] = _ModelLines(series)
        return lines
