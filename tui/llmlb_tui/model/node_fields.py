"""What a router says of a node, decoded in one go: a thousand nodes say something every second."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from llmlb_tui.model.reading import LARGEST, count, fields, number

Measure = Annotated[float, Meta(gt=-LARGEST, lt=LARGEST)]
"""What ``reading.number`` lets pass."""
Count = Annotated[int, Meta(ge=0, lt=int(LARGEST))]


_NULL = Raw(b"null")


class NodeFields(Struct, gc=False):
    """What a router says of a node, under the names of its JSON; None where it says nothing.

    What a decoder refuses is read by ``read_fields``. What seldom changes stays as the bytes it came in, or as any JSON
    is decoded: it is compared with that of the last time, and read only where it differs.
    """

    id: str = ""
    gpu_usage: Measure | None = None
    vram_usage: Measure | None = None
    temperature: Measure | None = None
    cpu_usage: Measure | None = None
    memory_usage: Measure | None = None
    avg_response_time_ms: Measure | None = None
    avg_ttft_ms: Measure | None = None
    uptime_seconds: Measure | None = None
    active_requests: Count | None = None
    total_requests: Count | None = None
    failed_requests: Count | None = None
    heartbeats: Count | None = None
    timeouts: Count | None = None
    capability_score: Count | None = None
    revision: Count | None = None
    last_seen: str | Measure | None = None
    history: list[Any] | None = None
    state: str | None = None
    draining: bool | None = None
    late: bool | None = None
    excluded_by: tuple[str, ...] | None = None
    circuit: str | None = None
    metrics_available: bool | None = None
    vram_metrics_available: bool | None = None
    url: Raw = _NULL
    machine_name: Raw = _NULL
    name: Raw = _NULL
    note: Raw = _NULL
    tags: Raw = _NULL
    loaded_models: Raw = _NULL
    available_models: Raw = _NULL
    gpus: Raw = _NULL
    max_concurrency: Raw = _NULL


SELDOM = (
    "url", "machine_name", "name", "note", "tags", "loaded_models", "available_models", "gpus", "max_concurrency",
)  # fmt: skip
_MEASURES = (
    "gpu_usage", "vram_usage", "temperature", "cpu_usage", "memory_usage", "avg_response_time_ms", "avg_ttft_ms",
    "uptime_seconds",
)  # fmt: skip
_COUNTS = (
    "active_requests", "total_requests", "failed_requests", "heartbeats", "timeouts", "capability_score", "revision",
)  # fmt: skip
_FLAGS = ("draining", "late", "metrics_available", "vram_metrics_available")


def read_fields(value: object) -> NodeFields:
    """The fields of a node that was decoded as any JSON is; none of what is no object."""
    get = fields(value).get
    node_id, last_seen, history, names = get("id"), get("last_seen"), get("history"), get("excluded_by")
    state, circuit = get("state"), get("circuit")
    given = NodeFields(
        id=node_id if isinstance(node_id, str) else "",
        last_seen=last_seen if isinstance(last_seen, str) else number(last_seen),
        history=history if isinstance(history, list) else None,
        state=state if isinstance(state, str) else None,
        excluded_by=tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else None,
        circuit=circuit if isinstance(circuit, str) else None,
    )
    for name in _MEASURES:
        setattr(given, name, number(get(name)))
    for name in _COUNTS:
        setattr(given, name, count(get(name)))
    for name in _FLAGS:
        flag = get(name)
        setattr(given, name, flag if isinstance(flag, bool) else None)
    for name in SELDOM:
        setattr(given, name, get(name))
    return given
