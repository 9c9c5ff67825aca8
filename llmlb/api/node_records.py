"""What the router keeps about a node beside its live row, and how both become rows of the store and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import msgspec

from llmlb.config.sections import NodeSettings
from llmlb.core.circuit import Circuit
from llmlb.core.health import NodeState
from llmlb.core.node import Figures, Gpu, Node, NodeId, Profile
from llmlb.store.rows import NodeCounters, NodeRow

_encode = msgspec.json.Encoder().encode

ANY_MODEL = ("*",)
"""A node that reported no list at all, in a column that cannot be null."""


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """The part of a node that no policy needs.

    token_hash: of its node token.  address: the IP address that approval pinned, where it is dialled; "" before.
    api_key: what its engine wants; never shown.  score: the operator's live word, None where there is none.
    Instants in unix seconds; approved_at None: not approved.
    """

    token_hash: str
    address: str = ""
    api_key: str = ""
    score: int | None = None
    registered_at: float = 0.0
    approved_at: float | None = None


def record_of(row: NodeRow) -> NodeRecord:
    """The record behind a stored row."""
    return NodeRecord(
        token_hash=row.token_hash,
        address=row.address,
        api_key=row.api_key,
        score=row.score,
        registered_at=row.registered_at,
        approved_at=row.approved_at,
    )


def node_row(node: Node, record: NodeRecord) -> NodeRow:
    """The node as the store keeps it, as it is now."""
    profile = node.profile
    return NodeRow(
        id=node.id,
        url=profile.url,
        address=record.address,
        token_hash=record.token_hash,
        approval="approved" if node.is_approved else "pending",
        state=node.state.value,
        draining=node.draining,
        machine_name=profile.machine_name,
        name=profile.name,
        tags=profile.tags,
        note=profile.note,
        engine=profile.engine,
        gpus_json=json.dumps([asdict(gpu) for gpu in profile.gpus]),
        score=record.score,
        reported_score=node.reported_score,
        max_concurrency=profile.concurrency_override,
        api_key=record.api_key,
        heartbeat_secs=node.interval_s,
        agent_version=profile.agent_version,
        agentless=profile.agentless,
        loaded_models=ANY_MODEL if node.loaded is None else node.loaded,
        available_models=ANY_MODEL if node.available is None else node.available,
        registered_at=record.registered_at,
        approved_at=record.approved_at,
        revision=node.revision,
        boot_id=node.boot_id,
    )


def profile_of(row: NodeRow, configured: NodeSettings | None) -> Profile:
    """Who a stored node is. configured: what the configuration file fixes for it."""
    return Profile(
        url=row.url,
        machine_name=row.machine_name,
        engine=row.engine,
        agent_version=row.agent_version,
        gpus=_gpus_of(row.gpus_json),
        agentless=row.agentless,
        name=row.name,
        tags=row.tags,
        note=row.note,
        score_override=effective_score(row.score, configured),
        concurrency_override=row.max_concurrency,
        concurrency_configured=None if configured is None else configured.max_concurrency,
    )


def effective_score(live: int | None, configured: NodeSettings | None) -> int | None:
    """The operator's score: the live word before the configuration file's."""
    if live is not None or configured is None:
        return live
    return configured.capability_score


def restore_node(
    row: NodeRow,
    counters: NodeCounters | None,
    *,
    configured: NodeSettings | None = None,
    now_s: float,
    now_unix_s: float,
) -> Node:
    """The node behind its stored rows, for ``Fleet.restore``. What the rows do not say is unknown again."""
    node = Node(
        id=NodeId(row.id),
        profile=profile_of(row, configured),
        circuit=Circuit(),
        state=_state_of(row),
        draining=row.draining,
        revision=row.revision,
        interval_s=row.heartbeat_secs,
        loaded=None if row.loaded_models == ANY_MODEL else row.loaded_models,
        available=None if row.available_models == ANY_MODEL else row.available_models,
        reported_score=row.reported_score or 0,
        boot_id=row.boot_id,
    )
    if counters is not None:
        _recall(node, counters, now_s, now_unix_s)
    return node


def node_counters(node: Node) -> NodeCounters:
    """The node's totals and last words, for the store's batches."""
    said = {
        "figures": node.figures,
        "cpu_percent": node.cpu_percent,
        "memory_percent": node.memory_percent,
        "max_concurrency": node.reported_concurrency,
        "selections": node.selections,
    }
    return NodeCounters(
        id=node.id,
        total_requests=node.total_requests,
        failed_requests=node.failed_requests,
        heartbeats=node.heartbeats,
        timeouts=node.timeouts,
        response_ms_sum=0.0 if node.response_s is None else node.response_s * 1000,
        response_count=0 if node.response_s is None else 1,
        ttft_ms_sum=0.0 if node.ttft_s is None else node.ttft_s * 1000,
        ttft_count=0 if node.ttft_s is None else 1,
        last_seen_unix=node.last_seen_unix_s,
        figures_json=_encode(said).decode(),
    )


def _recall(node: Node, counters: NodeCounters, now_s: float, now_unix_s: float) -> None:
    node.total_requests = counters.total_requests
    node.failed_requests = counters.failed_requests
    node.heartbeats = counters.heartbeats
    node.timeouts = counters.timeouts
    if counters.response_count:
        node.response_s = counters.response_ms_sum / counters.response_count / 1000
    if counters.ttft_count:
        node.ttft_s = counters.ttft_ms_sum / counters.ttft_count / 1000
    node.last_seen_unix_s = counters.last_seen_unix
    age_s = 0.0 if counters.last_seen_unix is None else max(0.0, now_unix_s - counters.last_seen_unix)
    said = _object_of(counters.figures_json)
    node.figures = _figures_of(said.get("figures"))
    node.figures_at_s = now_s - age_s
    node.cpu_percent = _number(said.get("cpu_percent"))
    node.memory_percent = _number(said.get("memory_percent"))
    limit = said.get("max_concurrency")
    node.reported_concurrency = limit if type(limit) is int and limit >= 0 else None
    selections = said.get("selections")
    if isinstance(selections, dict):
        node.selections = {str(reason): count for reason, count in selections.items() if isinstance(count, int)}


def _state_of(row: NodeRow) -> NodeState:
    if row.approval != "approved":
        return NodeState.PENDING
    return NodeState.ONLINE if row.state == NodeState.ONLINE.value else NodeState.OFFLINE


def _gpus_of(text: str) -> tuple[Gpu, ...]:
    rows = json.loads(text or "[]")
    return tuple(Gpu(model=str(row["model"]), vram_mb=int(row["vram_mb"])) for row in rows)


def _figures_of(said: object) -> Figures | None:
    if not isinstance(said, dict):
        return None
    gpu, vram, degrees = (_number(said.get(name)) for name in ("gpu_percent", "vram_percent", "temperature_c"))
    figures = Figures(gpu, vram, degrees)
    return None if figures == Figures() else figures


def _object_of(text: str) -> Mapping[str, object]:
    value = json.loads(text or "{}")
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
