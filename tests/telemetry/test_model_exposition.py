from __future__ import annotations

from collections.abc import Mapping

from llmlb.core.record import ExchangeOutcome, ExchangeRecord
from llmlb.telemetry.metrics import OTHER, Metrics
from llmlb.telemetry.model_exposition import ModelExposition


def ended(metrics: Metrics, model: str, node_id: str = "node-1") -> None:
    metrics.take([ExchangeRecord("r", 0.0, model=model, node_id=node_id, outcome=ExchangeOutcome.ANSWERED)])


class Page:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._exposition = ModelExposition()

    def lines(self, name: str, depths: Mapping[str, int] | None = None) -> list[str]:
        text = "".join(self._exposition.families(self._metrics, depths or {}))
        return [line for line in text.splitlines() if line.startswith(f"{name}{{")]


def test_requests_are_counted_by_model_node_and_outcome() -> None:
    metrics = Metrics()
    page = Page(metrics)
    ended(metrics, "llama")
    assert page.lines("llmlb_requests_total") == [
        'llmlb_requests_total{model="llama",node_id="node-1",outcome="answered"} 1'
    ]
    ended(metrics, "llama")
    ended(metrics, "llama", "node-2")
    assert page.lines("llmlb_requests_total") == [
        'llmlb_requests_total{model="llama",node_id="node-1",outcome="answered"} 2',
        'llmlb_requests_total{model="llama",node_id="node-2",outcome="answered"} 1',
    ]


def test_a_node_forgotten_and_replaced_between_scrapes_is_not_shown_under_its_old_name() -> None:
    metrics = Metrics()
    page = Page(metrics)
    ended(metrics, "llama", "node-1")
    page.lines("llmlb_requests_total")
    metrics.forget("node-1")
    ended(metrics, "llama", "node-2")
    assert page.lines("llmlb_requests_total") == [
        'llmlb_requests_total{model="llama",node_id="node-2",outcome="answered"} 1'
    ]


def test_a_model_without_a_queue_has_depth_zero() -> None:
    metrics = Metrics()
    page = Page(metrics)
    metrics.model("llama")
    metrics.model("qwen")
    assert page.lines("llmlb_queue_depth", {"qwen": 4}) == [
        f'llmlb_queue_depth{{model="{OTHER}"}} 0',
        'llmlb_queue_depth{model="llama"} 0',
        'llmlb_queue_depth{model="qwen"} 4',
    ]


def test_tokens_are_split_by_kind() -> None:
    metrics = Metrics()
    metrics.model("llama").prompt_tokens = 12
    metrics.model("llama").completion_tokens = 34
    assert Page(metrics).lines("llmlb_tokens_total")[-2:] == [
        'llmlb_tokens_total{model="llama",kind="prompt"} 12',
        'llmlb_tokens_total{model="llama",kind="completion"} 34',
    ]
