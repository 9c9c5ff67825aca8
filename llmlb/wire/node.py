"""A node as the router shows it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from llmlb.wire.fields import (
    FROM_OPERATOR,
    LARGEST_INTEGER,
    TO_CLIENT,
    Count,
    EngineKey,
    LongText,
    ShortText,
)
from llmlb.wire.text import clean_names

NodeStateName = Literal["pending", "online", "offline"]


class GpuView(BaseModel):
    """One card of a node. vram_total_mb: null where unknown."""

    model_config = TO_CLIENT

    model: str
    vram_total_mb: int | None


class NodeView(BaseModel):
    """A node as listed. Percent 0..100, degrees Celsius, milliseconds, seconds; instants RFC 3339.

    gpu_usage and vram_usage are numbers always; metrics_available false says that a 0.0 is not a measurement: the node
    did not tell its GPU's use, whatever else it told.  vram_metrics_available: the same of vram_usage.
    active_requests: ours in flight plus those that the engine reported beyond ours.  revision: for ``If-Match``.
    """

    model_config = TO_CLIENT

    id: str
    state: NodeStateName
    draining: bool
    late: bool
    url: str
    machine_name: str
    name: str
    tags: list[str]
    note: str
    gpu_usage: float
    vram_usage: float
    temperature: float | None
    cpu_usage: float | None
    memory_usage: float | None
    active_requests: int
    total_requests: int
    failed_requests: int
    avg_response_time_ms: float | None
    avg_ttft_ms: float | None
    last_seen: str | None
    uptime_seconds: float
    heartbeats: int
    timeouts: int
    capability_score: int
    max_concurrency: int | None
    loaded_models: list[str]
    available_models: list[str]
    gpus: list[GpuView]
    metrics_available: bool
    metrics_age_seconds: float | None
    circuit: Literal["closed", "open", "half_open"]
    excluded_by: list[Literal["gpu", "vram", "active"]]
    revision: int
    vram_metrics_available: bool


class HistoryPointView(BaseModel):
    """One of the last ten heartbeats; null where nothing was measured."""

    model_config = TO_CLIENT

    at: str
    gpu_usage: float | None
    vram_usage: float | None
    active_requests: int


class CircuitView(BaseModel):
    """The circuit of a node. open_for_seconds: until one probe may go, 0 unless open."""

    model_config = TO_CLIENT

    state: Literal["closed", "open", "half_open"]
    failures_in_row: int
    ejections: int
    open_for_seconds: float


class NodeDetail(NodeView):
    """A node with what only its own page shows.

    ineligible_because: why it gets no work now, null when it may.  in_flight: our own requests on it.
    """

    history: list[HistoryPointView]
    circuit_detail: CircuitView
    last_error: str | None
    ineligible_because: str | None
    in_flight: int
    engine: str
    agent_version: str
    agent: bool
    heartbeat_secs: float
    consecutive_heartbeats: int
    queue_depth: int | None
    kv_cache_usage: float | None
    prefill_tokens_per_second: float | None
    decode_tokens_per_second: float | None
    vram_used_mb: int | None
    vram_total_mb: int | None
    selections: dict[str, int]
    registered_at: str | None
    approved_at: str | None
    engine_key_set: bool


class NodeList(BaseModel):
    model_config = TO_CLIENT

    nodes: list[NodeView]


class NodeMetrics(BaseModel):
    """The last ten points of a node's history, oldest first."""

    model_config = TO_CLIENT

    node_id: str
    history: list[HistoryPointView]


class NodeHealth(BaseModel):
    """How a node's heartbeat is doing. time_until_timeout: seconds until Offline, null unless online."""

    model_config = TO_CLIENT

    state: NodeStateName
    last_seen: str | None
    time_until_timeout: float | None
    consecutive_heartbeats: int
    uptime_seconds: float


class NodeToken(NodeView):
    """A node and its new token, which is shown only here."""

    node_token: str


Tags = Annotated[
    tuple[Annotated[str, StringConstraints(max_length=64)], ...], Field(max_length=32), AfterValidator(clean_names)
]


class NodePatch(BaseModel):
    """What an operator may change about a node: what is left out stays, null takes an override back."""

    model_config = FROM_OPERATOR | {
        "json_schema_extra": {"examples": [{"name": "rack 3, left", "max_concurrency": 16}]},
    }

    name: ShortText | None = None
    tags: Tags | None = None
    note: LongText | None = None
    capability_score: Count | None = None
    max_concurrency: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)] | None = None
    api_key: EngineKey | None = None
