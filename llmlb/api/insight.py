"""The router in figures: counts, rates, selections. What the status page, the event feed and readiness share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from heapq import nlargest
from itertools import accumulate

from llmlb import __version__
from llmlb.api.services import Services
from llmlb.api.thresholds import settings_view
from llmlb.api.views import node_view
from llmlb.clock import rfc3339
from llmlb.core.health import NodeState
from llmlb.telemetry.alert import Alert
from llmlb.telemetry.histogram import Histogram
from llmlb.telemetry.rates import Flow
from llmlb.wire.insight import LoadBalancerStats, NodeCounts, SelectionTime


def node_counts(services: Services) -> NodeCounts:
    """Nodes by state and flag."""
    states = Counter(node.state for node in services.fleet)
    return NodeCounts(
        total=len(services.fleet),
        pending=states[NodeState.PENDING],
        online=states[NodeState.ONLINE],
        offline=states[NodeState.OFFLINE],
        draining=sum(node.draining for node in services.fleet),
        late=sum(node.late for node in services.fleet),
    )


MODELS_WITH_RATES = 200
"""The busiest; nodes may claim thousands, and every console gets the list every second."""


def fleet_view(services: Services) -> dict[str, object]:
    """The fleet in figures: the feed's ``fleet`` events, and most of the status page. None: nothing was measured."""
    now_s, requests = services.now_s(), services.requests
    rates = requests.rates(now_s)
    queue = {model: len(tickets) for model, tickets in services.balancer.queues.items() if len(tickets)}
    return {
        "nodes": node_counts(services).model_dump(),
        "in_flight": len(services.balancer.leases),
        "queued": sum(queue.values()),
        "queue": queue,
        "rates": {
            "requests_per_second": round(rates.traffic.requests_per_s, 2),
            "tokens_per_second": round(rates.traffic.tokens_per_s, 1),
            "error_percent": round(rates.traffic.error_percent, 2),
            "mean_ms": _milliseconds(rates.mean_s),
            "p50_ms": _milliseconds(rates.p50_s),
            "p95_ms": _milliseconds(rates.p95_s),
            "ttft_p50_ms": _milliseconds(rates.ttft_p50_s),
            "ttft_p95_ms": _milliseconds(rates.ttft_p95_s),
        },
        "rates_by_model": _flows(_busiest(requests.flows_by_model(now_s))),
        "rates_by_node": _flows(requests.flows_by_node(now_s)),
        "mass_silence": services.fleet.is_mass_silent,
        "status": router_status(services),
    }


def status_view(services: Services) -> dict[str, object]:
    """The fields of ``wire.insight.RouterStatus``."""
    return {
        "version": __version__,
        "uptime_seconds": round(services.now_s() - services.started_at_s, 1),
        "server_time": rfc3339(services.now_unix_s()),
        "mode": services.load_balancer.mode,
        "dev": services.dev,
        "alerts_firing": len(services.alerts.firing),
        **fleet_view(services),
    }


def snapshot_view(services: Services) -> dict[str, object]:
    """Everything a console shows at first: the ``snapshot`` of the feed."""
    now_s = services.now_s()
    return {
        "server_time": services.now_unix_s(),
        "version": __version__,
        "nodes": [node_view(node, services.fleet, now_s) for node in services.fleet],
        "fleet": fleet_view(services),
        "settings": settings_view(services),
        "alerts": [alert_view(alert) for alert in services.alerts.firing],
    }


def alert_view(alert: Alert) -> dict[str, object]:
    """The fields of ``wire.records.AlertView``, for the list and for the feed."""
    return {**alert.fields(), "is_firing": alert.is_firing}


def router_status(services: Services) -> str:
    """``draining`` while the router shuts down, else ``ready``."""
    return "draining" if services.is_draining() else "ready"


def stats(services: Services) -> LoadBalancerStats:
    """Selections since the nodes registered, and how long choosing took since the start."""
    reasons: Counter[str] = Counter()
    for node in services.fleet:
        reasons.update(node.selections)
    return LoadBalancerStats(
        mode=services.load_balancer.mode,
        total_selections=reasons.total(),
        selections={node.id: dict(node.selections) for node in services.fleet},
        reasons=dict(reasons),
        selection_time=_selection_time(services.metrics.selection_duration),
    )


def _selection_time(histogram: Histogram) -> SelectionTime:
    count = histogram.count
    if not count:
        return SelectionTime(count=0, mean_ms=None, p99_ms=None)
    return SelectionTime(count=count, mean_ms=histogram.sum_s / count * 1000, p99_ms=quantile_s(histogram, 0.99) * 1000)


def quantile_s(histogram: Histogram, q: float) -> float:
    """A quantile, interpolated within its bucket as Prometheus does; above the last bound it is that bound.

    q in (0, 1]; the histogram holds at least one observation.
    """
    rank = q * histogram.count
    bounds = histogram.bounds_s
    for index, (upto, bound_s) in enumerate(zip(accumulate(histogram.counts), bounds, strict=False)):
        if upto >= rank:
            below_s = bounds[index - 1] if index else 0.0
            inside = histogram.counts[index]
            return below_s + (bound_s - below_s) * (rank - (upto - inside)) / inside
    return bounds[-1]


def _busiest(flows: Mapping[str, Flow]) -> Mapping[str, Flow]:
    if len(flows) <= MODELS_WITH_RATES:
        return flows
    return dict(nlargest(MODELS_WITH_RATES, flows.items(), key=lambda item: item[1]))


def _flows(flows: Mapping[str, Flow]) -> dict[str, object]:
    return {
        name: {"requests_per_second": round(requests_per_s, 2), "tokens_per_second": round(tokens_per_s, 1)}
        for name, (requests_per_s, tokens_per_s) in flows.items()
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
