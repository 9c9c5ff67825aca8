from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from llmlb import __version__
from llmlb.clock import perf_s
from llmlb.config.alerts import Severity
from llmlb.core.admission import RefusalKind
from llmlb.core.balancer import Balancer, Queued
from llmlb.core.choice import InferenceRequest, Reason
from llmlb.core.node import Node
from llmlb.core.record import ExchangeOutcome, ExchangeRecord
from llmlb.telemetry.exposition import Exposition
from llmlb.telemetry.metrics import METRICS, Metrics

NOW_S = 1_000.0


@dataclass(frozen=True)
class Firing:
    rule: str
    node_id: str = ""
    severity: Severity = Severity.CRITICAL


class Waiter:
    def refused(self, kind: RefusalKind) -> None:
        raise AssertionError(kind)


def samples(page: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of a page; fails on a family or a sample that comes twice, as Prometheus does."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    families = list(text_string_to_metric_families(page.decode()))
    assert len({family.name for family in families}) == len(families)
    for family in families:
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def test_a_scraper_can_read_the_page_and_finds_every_metric(balancer: Balancer, add_node: Callable[..., Node]) -> None:
    metrics = Metrics()
    add_node("node-1").selections[Reason.LOWEST_GPU] = 3
    add_node("node-2", approved=False)
    metrics.take([ExchangeRecord("r", 0.0, model="llama", node_id="node-1", outcome=ExchangeOutcome.ANSWERED)])
    page = Exposition(metrics, balancer).render(NOW_S, alerts=[Firing("node_offline", "node-1")])
    found = samples(page)
    for metric in METRICS:
        assert f"# TYPE {metric.name} {metric.kind}\n" in page.decode()
        assert any(name.startswith(metric.name) for name, _ in found)
    assert found["llmlb_build_info", (("version", __version__),)] == 1.0
    assert found["llmlb_leaked_leases_total", ()] == 0.0
    assert found["llmlb_mass_silence", ()] == 0.0
    assert found["llmlb_retries_total", (("cause", "busy"),)] == 0.0
    assert found["llmlb_cancelled_total", (("phase", "streaming"),)] == 0.0
    assert any(name == "process_resident_memory_bytes" for name, _ in found)


def test_two_alerts_of_one_rule_are_one_sample(balancer: Balancer) -> None:
    alerts = [Firing("model_down"), Firing("model_down"), Firing("node_offline", "node-1")]
    found = samples(Exposition(Metrics(), balancer).render(NOW_S, alerts=alerts))
    assert found["llmlb_alerts", (("node_id", ""), ("rule", "model_down"), ("severity", "critical"))] == 2.0
    assert found["llmlb_alerts", (("node_id", "node-1"), ("rule", "node_offline"), ("severity", "critical"))] == 1.0


@pytest.mark.parametrize(
    "model", ['a"b', "a\\b", "a\nb", "100%", "%(x)s", "\x1b[2J", "\ud800", "{}", "モデル", "x" * 9999]
)
def test_a_hostile_model_name_does_not_break_the_page(balancer: Balancer, model: str) -> None:
    metrics = Metrics()
    metrics.take([ExchangeRecord("r", 0.0, model=model, node_id="node-1", outcome=ExchangeOutcome.ANSWERED)])
    metrics.take([ExchangeRecord("r", 0.0, model="llama", node_id="node-1", outcome=ExchangeOutcome.ANSWERED)])
    found = samples(Exposition(metrics, balancer).render(NOW_S))
    requests = {labels: value for (name, labels), value in found.items() if name == "llmlb_requests_total"}
    assert len(requests) == 2
    assert set(requests.values()) == {1.0}


def test_waiting_requests_are_counted_by_model(balancer: Balancer, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    node.reported_concurrency = 0
    balancer.fleet.edit(node, node.profile, NOW_S)
    for _ in range(2):
        assert isinstance(balancer.offer(InferenceRequest("llama"), NOW_S, waiter=Waiter()), Queued)
    found = samples(Exposition(Metrics(), balancer).render(NOW_S))
    assert found["llmlb_queue_depth", (("model", "llama"),)] == 2.0


def test_the_sliced_page_is_the_same_page(balancer: Balancer, add_node: Callable[..., Node]) -> None:
    for number in range(30):
        add_node(f"node-{number}")
    exposition = Exposition(Metrics(), balancer)
    whole = exposition.render(NOW_S)
    assert asyncio.run(exposition.render_sliced(NOW_S)) == whole


def test_a_scrape_of_a_thousand_nodes_does_not_hold_up_the_streams(
    balancer: Balancer, add_node: Callable[..., Node]
) -> None:
    nodes = [add_node(f"node-{number:04d}", models=(f"model-{number % 50}",)) for number in range(1000)]
    metrics = Metrics()
    exposition = Exposition(metrics, balancer)
    took_s: list[float] = []
    for _ in range(8):
        for node in nodes:
            for reason in list(Reason)[:10]:
                node.selections[reason] = node.selections.get(reason, 0) + 1
            metrics.take([ExchangeRecord("r", 0.0, model="llama", node_id=node.id, outcome=ExchangeOutcome.ANSWERED)])
        began_at_s = perf_s()
        page = exposition.render(NOW_S)
        took_s.append(perf_s() - began_at_s)
    assert page.count(b"\n") > 26_000
    # 4 to 5 ms on an idle core; the slack is for machines with better things to do.
    assert min(took_s) < 0.025
