"""What a router's feed says of nodes, decoded into no more than the console looks at.

A thousand nodes say something every second. Their figures become attributes; what seldom changes stays as the bytes it
came in, is compared with those of the last time, and decoded only where it differs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.json import Decoder

from llmlb_tui.model.nodes import json_fields
from llmlb_tui.model.reading import fields, rows

_NULL = Raw(b"null")


class FedNode(Struct, gc=False):
    """A ``NodeFields``. Anything may be in any field."""

    id: Any = None
    gpu_usage: Any = None
    vram_usage: Any = None
    temperature: Any = None
    cpu_usage: Any = None
    memory_usage: Any = None
    active_requests: Any = None
    total_requests: Any = None
    failed_requests: Any = None
    avg_response_time_ms: Any = None
    avg_ttft_ms: Any = None
    last_seen: Any = None
    uptime_seconds: Any = None
    heartbeats: Any = None
    timeouts: Any = None
    capability_score: Any = None
    revision: Any = None
    history: Any = None
    url: Raw = _NULL
    machine_name: Raw = _NULL
    name: Raw = _NULL
    note: Raw = _NULL
    tags: Raw = _NULL
    loaded_models: Raw = _NULL
    available_models: Raw = _NULL
    gpus: Raw = _NULL
    max_concurrency: Raw = _NULL
    state: Raw = _NULL
    draining: Raw = _NULL
    late: Raw = _NULL
    excluded_by: Raw = _NULL
    circuit: Raw = _NULL
    metrics_available: Raw = _NULL

    def seldom(self, name: str) -> object:
        """A word or a piece of the status, decoded; what is broken in it is replaced, or nothing."""
        text = bytes(getattr(self, name))
        try:
            return json.loads(text.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None


class FedEvent(Struct):
    """Something about a node. node: None when it is gone, unset when nothing is said of it."""

    node_id: Any = None
    node: FedNode | UnsetType | None = UNSET
    change: Any = None
    alert: Any = None


class FedSnapshot(Struct):
    """The first event of a feed."""

    nodes: list[FedNode] = []
    server_time: Any = None
    version: Any = None
    settings: Any = None
    fleet: Any = None
    alerts: Any = None


_DECODERS: Mapping[str, Decoder[Any]] = {"node": Decoder(FedEvent), "snapshot": Decoder(FedSnapshot)}
_OTHERS: Decoder[Any] = Decoder()


def decode(kind: str, text: bytes) -> object:
    """An event's data: of nodes and of snapshots in their own shapes, of others as any JSON.

    Raises msgspec.DecodeError, a ValueError, for what no router of ours sends.
    """
    return _DECODERS.get(kind, _OTHERS).decode(text)


def as_event(data: object) -> FedEvent:
    """What was decoded as a "node", or as any JSON."""
    if type(data) is FedEvent:
        return data
    event = fields(data)
    node = event.get("node", UNSET)
    given = node if node is None or node is UNSET else _as_node(node)
    return FedEvent(event.get("node_id"), cast("FedNode | None", given), event.get("change"), event.get("alert"))


def as_snapshot(data: object) -> FedSnapshot:
    """What was decoded as a "snapshot", or as any JSON."""
    if type(data) is FedSnapshot:
        return data
    get = fields(data).get
    others = (get(name) for name in ("server_time", "version", "settings", "fleet", "alerts"))
    return FedSnapshot([_as_node(node) for node in rows(get("nodes"))], *others)


def _as_node(value: object) -> FedNode:
    # Both are NodeFields, and nobody asks for more.
    return cast(FedNode, json_fields(value))
