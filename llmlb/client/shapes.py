"""The router's answers as typed dictionaries: what a caller may rely on. Newer routers may add fields."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

NodeState = Literal["pending", "online", "offline"]


class Node(TypedDict):
    """A node as listed. Percentages 0..100, temperature in degrees C, instants RFC 3339 with Z.

    ``gpu_usage`` and ``vram_usage`` are always numbers; ``metrics_available`` says whether the first is
    measured, ``vram_metrics_available`` whether the second is; routers before that field lack it.
    """

    id: str
    state: NodeState
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
    capability_score: int | None
    max_concurrency: int | None
    loaded_models: list[str]
    available_models: list[str]
    gpus: list[dict[str, object]]
    metrics_available: bool
    vram_metrics_available: NotRequired[bool]
    metrics_age_seconds: float | None
    circuit: str
    excluded_by: list[str]
    revision: int


class HistoryPoint(TypedDict):
    """One of a node's last ten heartbeats."""

    at: str
    gpu_usage: float | None
    vram_usage: float | None
    active_requests: int


class NodeDetail(Node):
    """One node with what only its own page shows."""

    history: list[HistoryPoint]
    last_error: NotRequired[str | None]


class User(TypedDict):
    """An operator as ``/v0/auth/me`` and the list of users show one."""

    id: NotRequired[str]
    username: str
    role: Literal["admin", "viewer"]


class Login(TypedDict):
    """The answer to a login: a JWT and the seconds until it expires."""

    token: str
    expires_in: int
    user: User


class Registration(TypedDict):
    """The answer to a registration. ``node_token`` is absent or null where the known one stays valid."""

    node_id: str
    state: NodeState
    node_token: NotRequired[str | None]
    heartbeat_secs: float
    node_timeout_secs: float


class HeartbeatReply(TypedDict):
    """The answer to an accepted heartbeat; ``server_time`` in seconds since 1970."""

    status: str
    server_time: float
    state: NotRequired[NodeState]
    draining: NotRequired[bool]
    heartbeat_secs: NotRequired[float]


class LoadBalancerSettings(TypedDict):
    """The live settings of choosing a node; thresholds in percent and in requests."""

    mode: str
    gpu_threshold: float
    vram_threshold: float
    active_request_threshold: int


class ApiKey(TypedDict):
    """An API key as listed. ``key`` itself is there only in the answer that created it."""

    id: str
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    key: NotRequired[str]
    models: NotRequired[list[str] | None]
    requests_per_minute: NotRequired[int | None]
    max_concurrency: NotRequired[int | None]


class Model(TypedDict):
    """One entry of ``/v1/models``."""

    id: str
    object: NotRequired[str]
    owned_by: NotRequired[str]


Row = dict[str, object]
"""A row of a list whose fields only a person reads: requests, alerts, audit, tokens."""
