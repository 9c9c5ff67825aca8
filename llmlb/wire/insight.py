"""Why the balancer does what it does, and how the router is."""

from __future__ import annotations

from pydantic import BaseModel

from llmlb.wire.fields import TO_CLIENT
from llmlb.wire.node import NodeStateName


class ExplainedNode(BaseModel):
    """How a node stands towards a model: eligible, or why not.

    cost_seconds, cost_terms: what the request would cost here, as the policy sees it and where it counts in seconds.
    share: the part of its usual work that it gets while it comes back from an ejection, else 1.
    """

    model_config = TO_CLIENT

    id: str
    state: NodeStateName
    eligible: bool
    ineligible_because: str | None
    excluded_by: list[str]
    active_requests: int
    in_flight: int
    max_concurrency: int | None
    capability_score: int
    gpu_usage: float | None
    vram_usage: float | None
    circuit: str
    cost_seconds: float | None = None
    cost_terms: dict[str, float] = {}
    share: float = 1.0


class ExplainedChoice(BaseModel):
    """Which node the next request would go to, the criterion that decides, and how likely it is, 0..1."""

    model_config = TO_CLIENT

    node: str
    reason: str
    chance: float = 1.0


class Explanation(BaseModel):
    """Why a request for a model would go where, now. Nothing is reserved by asking.

    resolved: the model after aliases.  choice: null when nobody can take it; refusal says why.  otherwise: where the
    request goes if chance decides against the choice, null when it is certain.  queued: requests that wait already.
    """

    model_config = TO_CLIENT

    model: str
    resolved: str
    mode: str
    choice: ExplainedChoice | None
    otherwise: ExplainedChoice | None = None
    refusal: str | None
    queued: int = 0
    nodes: list[ExplainedNode]


class SelectionTime(BaseModel):
    """How long choosing took since the start, milliseconds; null before the first choice."""

    model_config = TO_CLIENT

    count: int
    mean_ms: float | None
    p99_ms: float | None


class LoadBalancerStats(BaseModel):
    """selections: by node, then by reason.  reasons: over all nodes."""

    model_config = TO_CLIENT

    mode: str
    total_selections: int
    selections: dict[str, dict[str, int]]
    reasons: dict[str, int]
    selection_time: SelectionTime


class NodeCounts(BaseModel):
    """Nodes by state; draining and late ones are counted in their state as well."""

    model_config = TO_CLIENT

    total: int
    pending: int
    online: int
    offline: int
    draining: int
    late: int


class Liveness(BaseModel):
    """The event loop turns; nothing else is said."""

    model_config = TO_CLIENT

    status: str = "live"


class Readiness(BaseModel):
    """Whether the router takes work, and why not. Nodes are counted, but an empty fleet is ready too."""

    model_config = TO_CLIENT

    status: str
    nodes: NodeCounts


class FlowView(BaseModel):
    """What goes through one model or node: means of the last 10 s."""

    model_config = TO_CLIENT

    requests_per_second: float
    tokens_per_second: float


class RouterStatus(BaseModel):
    """The router on one screen. queue: waiting requests by model; rates: over the last minute.

    rates_by_model, rates_by_node: those with traffic now, means of the last 10 s; of the models the 200 busiest.
    """

    model_config = TO_CLIENT

    version: str
    status: str
    uptime_seconds: float
    server_time: str
    mode: str
    dev: bool
    nodes: NodeCounts
    in_flight: int
    queued: int
    queue: dict[str, int]
    rates: dict[str, float | None]
    rates_by_model: dict[str, FlowView] = {}
    rates_by_node: dict[str, FlowView] = {}
    alerts_firing: int
    mass_silence: bool


class ModelEntry(BaseModel):
    """One model that clients may ask for. created: when this router started, seconds since 1970."""

    model_config = TO_CLIENT

    id: str
    object: str = "model"
    created: int
    owned_by: str = "llmlb"


class ModelList(BaseModel):
    model_config = TO_CLIENT

    object: str = "list"
    data: list[ModelEntry]
