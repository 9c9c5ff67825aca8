"""All nodes with their live state; the one place that decides who is eligible.

A node gets work when it is approved, online, not draining, not late, verified since the router's start, below its
limit and its circuit is closed. Two rules widen that, and never to pending or draining nodes: when circuits would
eject more than half of a model's nodes they are ignored (panic), and when more than half of the fleet falls silent at
once the silent stay eligible (mass silence), because then it is probably us who cannot hear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from llmlb.core.candidates import EligibleNodes
from llmlb.core.change import Change, ChangeKind
from llmlb.core.circuit import Circuit, CircuitRules, CircuitState
from llmlb.core.health import NodeState, Signal, after
from llmlb.core.lineup import NAMED_NODES, Absences, LeftOut, Lineup
from llmlb.core.load import ONE_ACTIVE, Thresholds, rank_of
from llmlb.core.node import (
    NO_LIMIT,
    Beat,
    Exclusion,
    Fitness,
    HistoryPoint,
    Ineligibility,
    Node,
    NodeId,
    Profile,
)
from llmlb.core.outcome import Outcome, OutcomeKind
from llmlb.core.unlisted import NodesForAny

MASS_SILENCE_NODES = 3
MASS_SILENCE_PERCENT = 55.0
"""Kubernetes' node controller stops evicting at the same share of silent nodes in a zone."""
MAX_MODELS = 20_000
MISSES_TO_WITHHOLD = 3
WITHHELD_S = 60.0

_CLOSED, _ANSWERED = CircuitState.CLOSED, OutcomeKind.ANSWERED
"""Looking up a member of an enumeration takes longer than what is done with it."""


@dataclass(frozen=True, slots=True)
class FleetRules:
    """Durations in seconds."""

    node_timeout_s: float = 60.0
    check_interval_s: float = 10.0
    pending_expiry_s: float = 24 * 3600.0
    circuit: CircuitRules = field(default_factory=CircuitRules)


class BeatVerdict(StrEnum):
    """What became of a heartbeat."""

    ACCEPTED = "accepted"
    TOO_FAST = "too_fast"
    DUPLICATE_INSTANCE = "duplicate_instance"


@dataclass(frozen=True, slots=True)
class Standing:
    """Why a node would, or would not, get a request for some model."""

    node: Node
    ineligibility: Ineligibility | None
    exclusions: tuple[Exclusion, ...]


class Fleet:
    """Owner of every ``Node``. Methods are synchronous, hence atomic, and return the changes worth announcing."""

    def __init__(self, *, rules: FleetRules, thresholds: Thresholds, rng: Random) -> None:
        self.rules = rules
        self.thresholds = thresholds
        self._rng = rng
        self._nodes: dict[NodeId, Node] = {}
        self._models: dict[str, EligibleNodes] = {}
        self._for_any = NodesForAny()
        self._turn = 0
        self._mass_silent: set[Node] = set()
        self._pending: set[Node] = set()
        self._lined_up: set[EligibleNodes] = set()
        """Whose lineup is made and must be thrown away when nodes or their models change."""

    # Looking

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._nodes

    def get(self, node_id: NodeId) -> Node | None:
        return self._nodes.get(node_id)

    def candidates(self, model: str) -> EligibleNodes | None:
        """The nodes of a canonical model name; None when no approved node ever had it."""
        known = self._models.get(model)
        if known is not None:
            return known
        return self._for_any.as_of(model) if self._for_any.serving else None

    def is_known(self, model: str) -> bool:
        """Whether an approved node has, or had, this canonical name."""
        return model in self._models

    @property
    def models(self) -> Iterable[tuple[str, EligibleNodes]]:
        """Every model that approved nodes have, or had."""
        return self._models.items()

    @property
    def is_mass_silent(self) -> bool:
        return bool(self._mass_silent)

    def is_silent(self, node: Node) -> bool:
        """Whether the node is eligible only by the mass-silence rule."""
        return node in self._mass_silent and node.silent_at_s is not None

    def exclusions(self, node: Node, now_s: float) -> tuple[Exclusion, ...]:
        figures = node.figures if node.has_fresh_figures(now_s) else None
        return self.thresholds.exclusions(figures, node.active)

    def standings(self, model: str, now_s: float) -> list[Standing]:
        """How each node stands towards a model, eligible or not. O(n)."""
        pool = self._models.get(model)
        return [
            Standing(node, self._standing(node, pool), self.exclusions(node, now_s)) for node in self._nodes.values()
        ]

    def lineup(self, model: str) -> Lineup:
        """How the nodes stand towards a canonical model name, to be kept. O(1) while nothing changes."""
        pool = self._models.get(model, self._for_any)
        if pool.lineup is not None:
            return pool.lineup
        self._lined_up.add(pool)
        return pool.line_up(pool.others or self._others(pool))

    def _others(self, pool: EligibleNodes) -> LeftOut:
        """The nodes that do not serve a model: by name while that takes no long look."""
        if len(self._nodes) > NAMED_NODES:
            pending = len(self._pending)
            missing = len(self._nodes) - len(pool.serving) - pending
            counts = {Ineligibility.PENDING.value: pending, Ineligibility.MODEL_MISSING.value: missing}
            return LeftOut(counts=counts)
        absences = Absences()
        for node in self._nodes.values():
            if node not in pool.serving:
                because = Ineligibility.MODEL_MISSING if node.is_approved else Ineligibility.PENDING
                absences.note(node.id, because.value)
        return absences.left_out()

    def _drop_lineups(self) -> None:
        for pool in self._lined_up:
            pool.lineup = pool.others = None
        self._lined_up.clear()

    def _standing(self, node: Node, pool: EligibleNodes | None) -> Ineligibility | None:
        if node.ineligibility is not None:
            return node.ineligibility
        has_model = node.serves_any if pool is None else node in pool.serving
        if not has_model:
            return Ineligibility.MODEL_MISSING
        # An empty pool is false, and still the one that counts.
        panicking = (self._for_any if pool is None else pool).panicking
        return None if self._circuit_allows(node, panicking=panicking) else Ineligibility.CIRCUIT_OPEN

    # The operator's and the node's own acts

    def restore(self, node: Node, now_s: float) -> None:
        """Take a node over from the store: its state stands, but it works only once it beats or answers a probe."""
        node.beat_at_s = node.registered_at_s = now_s
        node.online_at_s = now_s
        node.verified = False
        self._adopt(node)
        self._place(node, now_s, repool=True)

    def register(self, node_id: NodeId, profile: Profile, beat: Beat, now_s: float) -> tuple[Node, list[Change]]:
        """Add a node as pending, or renew a known one's words about itself. A changed address is ``move``'s affair."""
        node = self._nodes.get(node_id)
        changes: list[Change] = []
        if node is None:
            node = Node(id=node_id, profile=profile, circuit=Circuit(), registered_at_s=now_s, beat_at_s=now_s)
            self._adopt(node)
            changes.append(Change(ChangeKind.REGISTERED, node_id, f"registered from {profile.url}"))
        else:
            node.profile = profile
            node.revision += 1
        self._describe(node, beat)
        return node, changes + self._place(node, now_s, repool=True)

    def move(self, node: Node, now_s: float) -> list[Change]:
        """Another address behind the same token: the approval no longer covers it."""
        if node.state is NodeState.PENDING:
            return []
        node.state = after(node.state, Signal.MOVED)
        self._place(node, now_s, repool=True)
        return [self._changed(node, ChangeKind.MOVED, f"now at {node.profile.url}: needs approval again")]

    def beat(self, node: Node, beat: Beat, *, now_s: float, unix_s: float) -> tuple[BeatVerdict, list[Change]]:
        """A heartbeat, or a poll that an engine answered."""
        if now_s - node.accepted_at_s[0] < 1.0:
            return BeatVerdict.TOO_FAST, []
        known_twin = node.refused_boot_id
        if not self._admits_instance(node, beat.boot_id, now_s):
            return BeatVerdict.DUPLICATE_INSTANCE, []
        was_silent = node.silent_at_s is not None
        models = (node.loaded, node.available)
        node.accepted_at_s = (node.accepted_at_s[1], now_s)
        node.heartbeats += 1
        node.consecutive_heartbeats += 1
        node.beat_at_s = now_s
        node.last_seen_unix_s = unix_s
        node.late = False
        node.silent_at_s = None
        node.has_left = beat.leaving
        node.verified = True
        is_current = beat.seq is None or beat.seq >= node.seq
        if is_current:
            node.seq = -1 if beat.seq is None else beat.seq
            self._describe(node, beat)
            self._measure(node, beat, now_s)
            self._remember(node, unix_s)
        changes: list[Change] = []
        if node.refused_boot_id and node.refused_boot_id != known_twin:
            cause = "two processes send heartbeats with its token; the newer one is refused"
            changes.append(Change(ChangeKind.DUPLICATE_INSTANCE, node.id, cause))
        changes += self._signal(node, Signal.LEAVING if beat.leaving else Signal.HEARTBEAT, now_s)
        changes += self._place(node, now_s, repool=models != (node.loaded, node.available))
        if was_silent:
            changes += self._judge_mass_silence(now_s)
        return BeatVerdict.ACCEPTED, changes

    def answered(self, node: Node, now_s: float) -> list[Change]:
        """The node's engine answered a probe of ours. That verifies it, and ends its rest if it had turned us away."""
        node.verified = True
        changes: list[Change] = []
        if node.circuit.answered_probe():
            changes.append(Change(ChangeKind.CIRCUIT_HALF_OPEN, node.id, "its engine answers again"))
        return changes + self._place(node, now_s)

    def approve(self, node: Node, now_s: float) -> list[Change]:
        """Let a pending node work; of an approved one, nothing changes."""
        if node.state is not NodeState.PENDING:
            return []
        is_fresh = node.verified and now_s - node.beat_at_s <= self._lateness_s(node)
        signal = Signal.APPROVED_FRESH if is_fresh else Signal.APPROVED_SILENT
        node.state = after(node.state, signal)
        node.online_at_s = now_s
        changes = [self._changed(node, ChangeKind.APPROVED, "approved")]
        if node.state is NodeState.ONLINE:
            changes.append(Change(ChangeKind.ONLINE, node.id, "approved while its heartbeat was fresh"))
        return changes + self._place(node, now_s, repool=True)

    def drain(self, node: Node, now_s: float, *, reason: str = "") -> list[Change]:
        if node.draining:
            return []
        node.draining = True
        why = f"; {reason}" if reason else ""
        change = self._changed(node, ChangeKind.DRAINING, f"drains: {node.in_flight} in flight, nothing new{why}")
        return [change, *self._place(node, now_s)]

    def undrain(self, node: Node, now_s: float) -> list[Change]:
        if not node.draining:
            return []
        node.draining = False
        return [self._changed(node, ChangeKind.UNDRAINED, "gets work again"), *self._place(node, now_s)]

    def edit(self, node: Node, profile: Profile, now_s: float) -> list[Change]:
        node.profile = profile
        return [self._changed(node, ChangeKind.EDITED, "edited"), *self._place(node, now_s)]

    def remove(self, node: Node, kind: ChangeKind, *, cause: str) -> list[Change]:
        """Forget a node; its running requests end by themselves."""
        del self._nodes[node.id]
        node.ineligibility = Ineligibility.PENDING
        left = node.pools
        for pool in left:
            pool.leave(node)
        node.pools = ()
        self._mass_silent.discard(node)
        self._pending.discard(node)
        self._drop_lineups()
        return [Change(kind, node.id, cause), *self._judge_panic(left)]

    def set_thresholds(self, thresholds: Thresholds, now_s: float) -> None:
        self.thresholds = thresholds
        for node in self._nodes.values():
            self._place(node, now_s)

    # Work

    def probe(self, node: Node) -> None:
        """The next request that goes to the node decides over its half-open circuit; no other goes there meanwhile."""
        node.circuit.probing = True
        for pool in node.pools:
            pool.half_open.pop(node, None)

    def dispatch(self, node: Node, now_s: float) -> None:
        """A request goes to the node."""
        turn = self._turn = self._turn + 1
        node.rank += ONE_ACTIVE + turn - node.turn
        node.turn = turn
        node.in_flight += 1
        node.active += 1
        if node.in_flight > node.peak_in_flight:
            node.peak_in_flight = node.in_flight
        node.total_requests += 1
        if node.active >= node.full_at:
            self._place(node, now_s)

    def depart(self, node: Node, outcome: Outcome, now_s: float) -> list[Change]:
        """A request left the node."""
        circuit = node.circuit
        is_answered = outcome.kind is _ANSWERED
        may_move = node.active >= node.full_at or circuit.state is not _CLOSED or not is_answered
        node.in_flight -= 1
        node.active -= 1
        node.rank -= ONE_ACTIVE
        if is_answered:
            if outcome.fault is None:
                node.note_latency(outcome.total_s, outcome.ttft_s)
            closes = circuit.succeeded(self.rules.circuit, now_s)
            changes = [Change(ChangeKind.CIRCUIT_CLOSED, node.id, "two probes succeeded")] if closes else []
        else:
            changes = self._blame(node, outcome, now_s)
        if may_move:
            return changes + self._place(node, now_s) if self._nodes.get(node.id) is node else []
        if node.ineligibility is None:
            for pool in node.pools:
                pool.fell(node)
        return changes

    def _blame(self, node: Node, outcome: Outcome, now_s: float) -> list[Change]:
        """Draw the consequences of a request that was not answered."""
        circuit, rules = node.circuit, self.rules.circuit
        match outcome.kind:
            case OutcomeKind.FAILED | OutcomeKind.UNREACHABLE:
                node.failed_requests += 1
                node.last_error = outcome.error
                refused = outcome.kind is OutcomeKind.UNREACHABLE
                if circuit.failed(rules, now_s=now_s, refused=refused, chance=self._rng.random()):
                    rest_s = circuit.open_until_s - now_s
                    return [Change(ChangeKind.CIRCUIT_OPENED, node.id, f"{outcome.error}; rests {rest_s:.0f} s")]
            case OutcomeKind.BUSY:
                node.resting_until_s = now_s + outcome.rest_s
                circuit.probing = False
            case OutcomeKind.CANCELLED:
                circuit.probing = False
        return []

    def found(self, node: Node, model: str) -> None:
        """The node answered for the model."""
        node.misses.pop(model, None)

    def missed(self, node: Node, model: str, now_s: float) -> list[Change]:
        """The node denies having a model which it reports: after three times it is believed for a minute."""
        if model not in self._models:
            # No node lists it: it is a client's word, of which there may be any number.
            return []
        node.misses[model] = node.misses.get(model, 0) + 1
        if node.misses[model] < MISSES_TO_WITHHOLD or self._nodes.get(node.id) is not node:
            return []
        del node.misses[model]
        node.withheld[model] = now_s + WITHHELD_S
        cause = f"it says that it does not have {model}; not asked for it for {WITHHELD_S:.0f} s"
        return [self._changed(node, ChangeKind.MODEL_WITHHELD, cause), *self._place(node, now_s, repool=True)]

    def slow_start_share(self, node: Node, now_s: float) -> float:
        """The part of its usual share that a node gets after an ejection; 1 otherwise."""
        return node.circuit.share(self.rules.circuit, now_s)

    # Time

    def tick(self, now_s: float) -> list[Change]:
        """Let time pass: lateness, timeouts, stale figures, rests that end. Call it at least twice a second. O(n)."""
        changes: list[Change] = []
        for node in list(self._nodes.values()):
            changes += self._elapse(node, now_s)
        for pool in (self._for_any, *self._models.values()):
            if any(self._is_up(node) for node in pool.serving):
                pool.ready_at_s = now_s
        return changes + self._judge_mass_silence(now_s)

    def _elapse(self, node: Node, now_s: float) -> list[Change]:
        silence_s = now_s - node.beat_at_s
        if node.state is NodeState.PENDING:
            if silence_s >= self.rules.pending_expiry_s:
                cause = "pending without a heartbeat for too long"
                return self.remove(node, ChangeKind.EXPIRED, cause=cause)
            return []
        changes: list[Change] = []
        if silence_s > self._lateness_s(node) and node.silent_at_s is None and not node.has_left:
            node.silent_at_s = now_s
        if node.state is NodeState.ONLINE:
            if silence_s >= self.rules.node_timeout_s:
                if node.silent_at_s is None:
                    node.silent_at_s = now_s
                changes += self._signal(node, Signal.SILENCE, now_s)
            elif node.silent_at_s is not None and not node.late:
                node.late = True
                changes.append(Change(ChangeKind.LATE, node.id, f"no heartbeat for {silence_s:.0f} s"))
        if node.circuit.elapse(now_s):
            changes.append(Change(ChangeKind.CIRCUIT_HALF_OPEN, node.id, "one probe may go"))
        if node.withheld and min(node.withheld.values()) <= now_s:
            node.withheld = {model: until_s for model, until_s in node.withheld.items() if until_s > now_s}
            changes += self._place(node, now_s, repool=True)
        stale = node.fitness is not self.thresholds.fitness(node.figures if node.has_fresh_figures(now_s) else None)
        if changes or stale or node.ineligibility is Ineligibility.RESTING:
            changes += self._place(node, now_s)
        return changes

    def _lateness_s(self, node: Node) -> float:
        return node.interval_s + self.rules.check_interval_s

    # How a node comes to its place

    def _adopt(self, node: Node) -> None:
        self._turn += 1
        node.turn = self._turn
        self._nodes[node.id] = node

    def _changed(self, node: Node, kind: ChangeKind, cause: str) -> Change:
        node.revision += 1
        return Change(kind, node.id, cause)

    def _signal(self, node: Node, signal: Signal, now_s: float) -> list[Change]:
        before, node.state = node.state, after(node.state, signal)
        if before is node.state:
            return []
        if node.state is NodeState.ONLINE:
            node.online_at_s = now_s
            return [Change(ChangeKind.ONLINE, node.id, "heartbeat")]
        node.late = False
        node.consecutive_heartbeats = 0
        if signal is Signal.LEAVING:
            return [Change(ChangeKind.OFFLINE, node.id, "it said that it leaves")]
        node.timeouts += 1
        cause = f"no heartbeat for {now_s - node.beat_at_s:.0f} s (timeout {self.rules.node_timeout_s:g} s)"
        return [Change(ChangeKind.OFFLINE, node.id, cause)]

    def _admits_instance(self, node: Node, boot_id: str, now_s: float) -> bool:
        if not boot_id or boot_id == node.boot_id:
            return True
        if boot_id == node.refused_boot_id:
            if now_s - node.beat_at_s < self.rules.node_timeout_s:
                return False
            node.refused_boot_id = ""
        elif boot_id == node.older_boot_id:
            # The one we took for dead beats again: it keeps the id, the newcomer is refused.
            node.refused_boot_id, node.boot_id, node.older_boot_id = node.boot_id, boot_id, ""
            return True
        node.older_boot_id, node.boot_id = node.boot_id, boot_id
        node.seq = -1
        return True

    def _describe(self, node: Node, beat: Beat) -> None:
        """Take over what a node says about its abilities; what it does not mention stands."""
        if beat.interval_s is not None:
            node.interval_s = beat.interval_s
        if beat.capability_score is not None:
            node.reported_score = beat.capability_score
        if beat.max_concurrency is not None or beat.is_unlimited:
            node.reported_concurrency = beat.max_concurrency
        if beat.loaded_models is not None:
            node.loaded = beat.loaded_models
        if beat.available_models is not None:
            node.available = beat.available_models

    def _measure(self, node: Node, beat: Beat, now_s: float) -> None:
        """Take over the measurements; what a heartbeat leaves out is unknown from now on."""
        node.figures = beat.figures
        if beat.figures is not None:
            node.figures_at_s = now_s
        node.cpu_percent = beat.cpu_percent
        node.memory_percent = beat.memory_percent
        node.queue_depth = beat.queue_depth
        node.kv_cache_percent = beat.kv_cache_percent
        node.prefill_rate = beat.prefill_rate
        node.decode_rate = beat.decode_rate
        # The report was made some time since the last one: it may count what was ours then and has ended by now.
        node.foreign_active = max(0, beat.active_requests - node.peak_in_flight)
        node.peak_in_flight = node.in_flight
        node.active = node.in_flight + node.foreign_active

    def _remember(self, node: Node, unix_s: float) -> None:
        figures = node.figures
        gpu = figures.gpu_percent if figures else None
        vram = figures.vram_percent if figures else None
        node.history.append(HistoryPoint(unix_s, gpu, vram, node.active))

    def _pool(self, name: str) -> EligibleNodes | None:
        pool = self._models.get(name)
        if pool is None and len(self._models) < MAX_MODELS:
            pool = self._models[name] = EligibleNodes(name)
            for node in self._for_any.serving:
                pool.serving.add(node)
                node.pools = (*node.pools, pool)
                self._seat(node, pool)
        return pool

    def _repool(self, node: Node) -> None:
        """Follow a change of the node's approval or models: leave pools, enter others."""
        (self._pending.discard if node.is_approved else self._pending.add)(node)
        if not node.is_approved:
            wanted: tuple[EligibleNodes, ...] = ()
        elif node.serves_any:
            wanted = (self._for_any, *self._models.values())
        else:
            pools = [self._pool(name) for name in sorted(node.models)]
            wanted = tuple(pool for pool in pools if pool is not None)
        if node.withheld:
            wanted = tuple(pool for pool in wanted if pool.model not in node.withheld)
        for pool in node.pools:
            if pool not in wanted:
                pool.leave(node)
        for pool in wanted:
            pool.serving.add(node)
        node.pools = wanted
        self._drop_lineups()

    def _place(self, node: Node, now_s: float, *, repool: bool = False) -> list[Change]:
        """Bring every structure in line with the node as it is now. Returns panics that began or ended."""
        if repool:
            self._repool(node)
        limit = node.max_concurrency
        node.full_at = NO_LIMIT if limit is None else limit
        node.ineligibility = self._ineligibility(node, now_s)
        figures = node.figures if node.has_fresh_figures(now_s) else None
        node.fitness = self.thresholds.fitness(figures)
        node.over = self.thresholds.exclusions(figures, 0)[0] if node.fitness is Fitness.OVER else None
        node.rank = rank_of(node)
        is_up = self._is_up(node)
        for pool in node.pools:
            if is_up:
                pool.ready_at_s = now_s
            self._seat(node, pool)
        vote = (
            node.ineligibility in (None, Ineligibility.AT_CAPACITY),
            node.circuit.state is CircuitState.CLOSED,
        )
        if vote == node.panic_vote and not repool:
            return []
        node.panic_vote = vote
        return self._judge_panic(node.pools)

    def _seat(self, node: Node, pool: EligibleNodes) -> None:
        may_probe = node.circuit.state is CircuitState.HALF_OPEN and not node.circuit.probing
        if node.ineligibility is None and may_probe:
            pool.half_open.setdefault(node)
        else:
            pool.half_open.pop(node, None)
        if node.ineligibility is None and self._circuit_allows(node, panicking=pool.panicking):
            pool.put(node)
        else:
            pool.remove(node)

    def _circuit_allows(self, node: Node, *, panicking: bool) -> bool:
        if node.circuit.state is CircuitState.CLOSED:
            return True
        return panicking and node.silent_at_s is None

    def _ineligibility(self, node: Node, now_s: float) -> Ineligibility | None:
        if node.state is NodeState.PENDING:
            return Ineligibility.PENDING
        if node.draining:
            return Ineligibility.DRAINING
        if not self.is_silent(node):
            if node.state is NodeState.OFFLINE:
                return Ineligibility.OFFLINE
            if node.late:
                return Ineligibility.LATE
        if not node.verified:
            return Ineligibility.UNVERIFIED
        if node.resting_until_s > now_s:
            return Ineligibility.RESTING
        if node.at_capacity:
            return Ineligibility.AT_CAPACITY
        return None

    def _is_up(self, node: Node) -> bool:
        """Would get work but for its own load."""
        if node.ineligibility not in (None, Ineligibility.AT_CAPACITY, Ineligibility.RESTING):
            return False
        return node.circuit.state is not CircuitState.OPEN

    # The two rules that widen eligibility

    def _judge_panic(self, pools: Iterable[EligibleNodes]) -> list[Change]:
        changes: list[Change] = []
        for pool in pools:
            up = [node for node in pool.serving if node.ineligibility in (None, Ineligibility.AT_CAPACITY)]
            ejected = sum(node.circuit.state is not CircuitState.CLOSED for node in up)
            panicking = ejected * 100 > self.rules.circuit.max_ejected_percent * len(up)
            if panicking is pool.panicking:
                continue
            pool.panicking = panicking
            for node in pool.serving:
                self._seat(node, pool)
            if pool.model:
                kind = ChangeKind.PANIC_BEGAN if panicking else ChangeKind.PANIC_ENDED
                cause = f"{ejected} of {len(up)} nodes of {pool.model} ejected; more than half: circuits are ignored"
                changes.append(
                    Change(kind, NodeId(""), cause if panicking else f"circuits of {pool.model} count again")
                )
        return changes

    def _judge_mass_silence(self, now_s: float) -> list[Change]:
        window_s = max(self.rules.node_timeout_s, 2 * self.rules.check_interval_s)
        speaking, silent = 0, set[Node]()
        for node in self._nodes.values():
            if not node.is_approved or node.profile.agentless or not node.verified or node.draining:
                # Who drains may be stopped at any time.
                continue
            if node.silent_at_s is None:
                speaking += node.state is NodeState.ONLINE
            elif node in self._mass_silent or now_s - node.silent_at_s <= window_s:
                silent.add(node)
        total = speaking + len(silent)
        began = total >= MASS_SILENCE_NODES and len(silent) * 100 >= MASS_SILENCE_PERCENT * total
        was = self._mass_silent
        self._mass_silent = silent if began else set()
        for node in was ^ self._mass_silent:
            if node.id in self._nodes:
                self._place(node, now_s)
        if began is bool(was):
            return []
        if began:
            cause = f"{len(silent)} of {total} nodes fell silent at once: still used on their last figures"
            return [Change(ChangeKind.MASS_SILENCE_BEGAN, NodeId(""), cause)]
        return [Change(ChangeKind.MASS_SILENCE_ENDED, NodeId(""), "most nodes are heard again")]
