"""A node as clients see it: plain dictionaries with the fields of ``wire.node``, quick to make for 1,000 nodes."""

from __future__ import annotations

from functools import lru_cache

from llmlb.api.services import Services
from llmlb.clock import rfc3339
from llmlb.core.circuit import CircuitState
from llmlb.core.fleet import Fleet
from llmlb.core.health import NodeState
from llmlb.core.node import HistoryPoint, Ineligibility, Node

View = dict[str, object]


def node_view(node: Node, fleet: Fleet, now_s: float) -> View:
    """The fields of ``wire.node.NodeView``."""
    figures, profile = node.figures, node.profile
    return {
        "id": node.id,
        "state": node.state.value,
        "draining": node.draining,
        "late": node.late,
        "url": profile.url,
        "machine_name": profile.machine_name,
        "name": profile.name,
        "tags": profile.tags,
        "note": profile.note,
        "gpu_usage": 0.0 if figures is None else figures.gpu_percent or 0.0,
        "vram_usage": 0.0 if figures is None else figures.vram_percent or 0.0,
        "temperature": None if figures is None else figures.temperature_c,
        "cpu_usage": node.cpu_percent,
        "memory_usage": node.memory_percent,
        "active_requests": node.active,
        "total_requests": node.total_requests,
        "failed_requests": node.failed_requests,
        "avg_response_time_ms": _milliseconds(node.response_s),
        "avg_ttft_ms": _milliseconds(node.ttft_s),
        "last_seen": _instant(node.last_seen_unix_s),
        "uptime_seconds": uptime_s(node, now_s),
        "heartbeats": node.heartbeats,
        "timeouts": node.timeouts,
        "capability_score": node.score,
        "max_concurrency": node.max_concurrency,
        "loaded_models": node.loaded_models,
        "available_models": node.available_models,
        "gpus": [{"model": gpu.model, "vram_total_mb": gpu.vram_mb or None} for gpu in profile.gpus],
        "metrics_available": figures is not None and figures.gpu_percent is not None,
        "metrics_age_seconds": None if figures is None else round(max(0.0, now_s - node.figures_at_s), 1),
        "circuit": node.circuit.state.value,
        "excluded_by": [exclusion.value for exclusion in fleet.exclusions(node, now_s)],
        "revision": node.revision,
        "vram_metrics_available": figures is not None and figures.vram_percent is not None,
    }


def node_detail(services: Services, node: Node) -> View:
    """The fields of ``wire.node.NodeDetail``."""
    figures, circuit, now_s = node.figures, node.circuit, services.now_s()
    record = services.node_records.get(node.id)
    open_for_s = max(0.0, circuit.open_until_s - now_s) if circuit.state is CircuitState.OPEN else 0.0
    return node_view(node, services.fleet, now_s) | {
        "history": history_view(node),
        "circuit_detail": {
            "state": circuit.state.value,
            "failures_in_row": circuit.failures_in_row,
            "ejections": circuit.ejections,
            "open_for_seconds": round(open_for_s, 1),
        },
        "last_error": node.last_error or None,
        "ineligible_because": ineligible_because(node),
        "in_flight": node.in_flight,
        "engine": node.profile.engine,
        "agent_version": node.profile.agent_version,
        "agent": not node.profile.agentless,
        "heartbeat_secs": node.interval_s,
        "consecutive_heartbeats": node.consecutive_heartbeats,
        "queue_depth": node.queue_depth,
        "kv_cache_usage": node.kv_cache_percent,
        "prefill_tokens_per_second": node.prefill_rate,
        "decode_tokens_per_second": node.decode_rate,
        "vram_used_mb": None if figures is None else figures.vram_used_mb,
        "vram_total_mb": None if figures is None else figures.vram_total_mb,
        "selections": dict(node.selections),
        "registered_at": _instant(record.registered_at if record else None),
        "approved_at": _instant(record.approved_at if record else None),
        "engine_key_set": bool(services.engine_key(node.id)),
    }


def history_view(node: Node) -> list[View]:
    """The last ten points, oldest first: ``wire.node.HistoryPointView``."""
    return [_point_view(point) for point in node.history]


def health_view(node: Node, fleet: Fleet, now_s: float) -> View:
    """The fields of ``wire.node.NodeHealth``."""
    left_s = max(0.0, fleet.rules.node_timeout_s - (now_s - node.beat_at_s))
    return {
        "state": node.state.value,
        "last_seen": _instant(node.last_seen_unix_s),
        "time_until_timeout": round(left_s, 1) if node.state is NodeState.ONLINE else None,
        "consecutive_heartbeats": node.consecutive_heartbeats,
        "uptime_seconds": uptime_s(node, now_s),
    }


def ineligible_because(node: Node) -> str | None:
    """Why it gets no work now, whatever the model; None when it may."""
    if node.ineligibility is not None:
        return node.ineligibility.value
    return None if node.circuit.state is CircuitState.CLOSED else Ineligibility.CIRCUIT_OPEN.value


def uptime_s(node: Node, now_s: float) -> float:
    """Seconds since it last became Online, else 0."""
    return round(max(0.0, now_s - node.online_at_s), 1) if node.state is NodeState.ONLINE else 0.0


def _point_view(point: HistoryPoint) -> View:
    return {
        "at": rfc3339(point.at_unix_s),
        "gpu_usage": point.gpu_percent,
        "vram_usage": point.vram_percent,
        "active_requests": point.active,
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _instant(unix_s: float | None) -> str | None:
    return None if unix_s is None else _second_text(int(unix_s))


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    # Nodes beat in the same few seconds, and writing an instant is a third of the cost of a node's view.
    return rfc3339(second)
