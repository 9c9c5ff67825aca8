"""A node: one registered engine, what it says about itself and what we know about it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

from llmlb.core.circuit import Circuit
from llmlb.core.health import NodeState

if TYPE_CHECKING:
    from llmlb.core.candidates import EligibleNodes

NodeId = NewType("NodeId", str)

HISTORY_POINTS = 10
EWMA_WEIGHT = 0.2
NO_LIMIT = 1 << 62
"""Share of the newest sample in a node's running averages: the last ten requests make up nine tenths."""


class Exclusion(StrEnum):
    """The threshold that a node is over."""

    GPU = "gpu"
    VRAM = "vram"
    ACTIVE = "active"


class Fitness(StrEnum):
    """How the thresholds see a node; the order is the order of preference."""

    FIT = "fit"
    UNMEASURED = "unmeasured"
    OVER = "over"


class Ineligibility(StrEnum):
    """Why a node gets no work now."""

    PENDING = "pending"
    OFFLINE = "offline"
    DRAINING = "draining"
    LATE = "late"
    UNVERIFIED = "unverified"
    CIRCUIT_OPEN = "circuit_open"
    RESTING = "resting"
    AT_CAPACITY = "at_capacity"
    MODEL_MISSING = "model_missing"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card as the node describes it. vram_mb: 0 when unknown."""

    model: str
    vram_mb: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Who a node is: what it said at registration and what the operator wrote beside it."""

    url: str
    machine_name: str = ""
    engine: str = ""
    agent_version: str = ""
    gpus: tuple[Gpu, ...] = ()
    agentless: bool = False
    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    score_override: int | None = None
    concurrency_override: int | None = None
    concurrency_configured: int | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Measurements of one heartbeat. Percent 0..100, degrees Celsius, megabytes; None where not measured."""

    gpu_percent: float | None = None
    vram_percent: float | None = None
    temperature_c: float | None = None
    vram_used_mb: int | None = None
    vram_total_mb: int | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat, checked and within its ranges. None: the node did not say. Rates: tokens a second.

    is_unlimited: it says that it has no limit of requests at once.
    """

    figures: Figures | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None
    active_requests: int = 0
    loaded_models: tuple[str, ...] | None = None
    available_models: tuple[str, ...] | None = None
    capability_score: int | None = None
    queue_depth: int | None = None
    kv_cache_percent: float | None = None
    prefill_rate: float | None = None
    decode_rate: float | None = None
    max_concurrency: int | None = None
    is_unlimited: bool = False
    interval_s: float | None = None
    seq: int | None = None
    boot_id: str = ""
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One of the last ten heartbeats. at_unix_s: wall clock, for display only."""

    at_unix_s: float
    gpu_percent: float | None
    vram_percent: float | None
    active: int


@dataclass(slots=True, eq=False)
class Node:
    """The live row of one node. Fleet is its only writer; policies read it as a ``Candidate``.

    Instants ``*_at_s`` are monotonic seconds. ``active`` is what we know now, not a heartbeat ago: our own requests in
    flight plus those the engine reported beyond ours. ``rank`` orders nodes by load, see ``load.py``.
    """

    id: NodeId
    profile: Profile
    circuit: Circuit
    state: NodeState = NodeState.PENDING
    draining: bool = False
    revision: int = 1

    interval_s: float = 30.0
    registered_at_s: float = 0.0
    beat_at_s: float = 0.0
    last_seen_unix_s: float | None = None
    online_at_s: float = 0.0
    late: bool = False
    silent_at_s: float | None = None
    has_left: bool = False
    """Its last heartbeat said that it leaves: its silence is none."""
    verified: bool = False
    """Has beaten, or answered a probe, since this router started."""
    resting_until_s: float = 0.0
    accepted_at_s: tuple[float, float] = (float("-inf"), float("-inf"))

    figures: Figures | None = None
    figures_at_s: float = 0.0
    cpu_percent: float | None = None
    memory_percent: float | None = None
    queue_depth: int | None = None
    kv_cache_percent: float | None = None
    prefill_rate: float | None = None
    decode_rate: float | None = None
    """Tokens a second of one request, as the engine's own counters say; None where it has none."""
    history: deque[HistoryPoint] = field(default_factory=lambda: deque(maxlen=HISTORY_POINTS))

    loaded: tuple[str, ...] | None = None
    available: tuple[str, ...] | None = None
    reported_score: int = 0
    reported_concurrency: int | None = None

    boot_id: str = ""
    older_boot_id: str = ""
    refused_boot_id: str = ""
    seq: int = -1

    misses: dict[str, int] = field(default_factory=dict)
    """Times in a row that it denied having a model which it reports."""
    withheld: dict[str, float] = field(default_factory=dict)
    """Models that it is not asked for until then, because it denied having them."""

    pools: tuple[EligibleNodes, ...] = ()
    panic_vote: tuple[bool, bool] = (False, True)
    """Whether it counts as up, and as not ejected, for the panic rule."""

    in_flight: int = 0
    peak_in_flight: int = 0
    """Our own requests at once, at most, since the last heartbeat."""
    foreign_active: int = 0
    active: int = 0
    fitness: Fitness = Fitness.UNMEASURED
    over: Exclusion | None = None
    """The threshold that it is over, where its fitness says so; of two the first."""
    ineligibility: Ineligibility | None = Ineligibility.PENDING
    """Why it gets no work whatever the model; None when it may."""
    rank: int = 0
    turn: int = 0
    full_at: int = NO_LIMIT
    """Active requests from which on it has no room."""

    heartbeats: int = 0
    consecutive_heartbeats: int = 0
    timeouts: int = 0
    total_requests: int = 0
    failed_requests: int = 0
    response_s: float | None = None
    ttft_s: float | None = None
    selections: dict[str, int] = field(default_factory=dict)
    last_error: str = ""

    @property
    def score(self) -> int:
        """Capability 0..10000: the operator's word before the node's."""
        override = self.profile.score_override
        return self.reported_score if override is None else override

    @property
    def max_concurrency(self) -> int | None:
        """Requests at once: operator's live word, then the configuration file, then the node's; None is unlimited."""
        profile = self.profile
        if profile.concurrency_override is not None:
            return profile.concurrency_override
        if profile.concurrency_configured is not None:
            return profile.concurrency_configured
        return self.reported_concurrency

    @property
    def loaded_models(self) -> tuple[str, ...]:
        return self.loaded or ()

    @property
    def available_models(self) -> tuple[str, ...]:
        return self.available or ()

    @property
    def serves_any(self) -> bool:
        """It reported no list of models at all, so it is taken at its word for every one."""
        return self.loaded is None and self.available is None

    @property
    def models(self) -> frozenset[str]:
        """Canonical names of what it can serve."""
        return frozenset(canonical_model(name) for name in (*self.loaded_models, *self.available_models))

    @property
    def is_approved(self) -> bool:
        return self.state is not NodeState.PENDING

    @property
    def at_capacity(self) -> bool:
        return self.active >= self.full_at

    def has_fresh_figures(self, now_s: float) -> bool:
        """Figures count while younger than three heartbeat intervals."""
        return self.figures is not None and now_s - self.figures_at_s < 3 * self.interval_s

    def note_latency(self, total_s: float, ttft_s: float | None) -> None:
        """Move the running averages; failures do not call this, so an instantly failing node looks no faster."""
        before_s = self.response_s
        self.response_s = total_s if before_s is None else before_s + EWMA_WEIGHT * (total_s - before_s)
        if ttft_s is not None:
            before_s = self.ttft_s
            self.ttft_s = ttft_s if before_s is None else before_s + EWMA_WEIGHT * (ttft_s - before_s)


def canonical_model(name: str) -> str:
    """``llama3:latest`` and ``llama3`` are one model: the suffix names the default tag."""
    return name.removesuffix(":latest")
