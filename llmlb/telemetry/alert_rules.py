"""When something deserves a person's attention: the table of alert rules, pure.

A rule finds what is wrong at this instant; ``alerts`` waits until it has lasted, and remembers. A new rule is a
function and a row in ``RULES``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from llmlb.config.alerts import Severity
from llmlb.core.circuit import CircuitState
from llmlb.core.fleet import Fleet
from llmlb.core.health import NodeState
from llmlb.core.node import Exclusion, Node, NodeId
from llmlb.core.symptom import AtWork, passed_over_for_gpu
from llmlb.telemetry.rates import FleetRates

HEAT_HYSTERESIS_C = 5.0
"""An alert about heat ends so far below its limit, not at the first degree."""
MODEL_DOWN_S = 3.0
"""A model's nodes are looked at twice a second; less than this says nothing."""
MAX_FINDINGS = 200
"""Models that one rule reports: nodes may claim thousands, and a page of alerts helps nobody."""


NO_NODE = NodeId("")


@dataclass(frozen=True, slots=True)
class AlertLimits:
    """Where the rules begin. error_requests: fewer in the last minute prove nothing."""

    queue_depth: int = 10
    error_percent: float = 5.0
    error_requests: int = 20
    temperature_c: float = 85.0
    pending_s: float = 600.0


@dataclass(frozen=True, slots=True)
class AlertView:
    """What the rules are shown. unix_s: for display.  store_error: what is wrong with the store, "" when nothing is.

    queue_depths: requests that wait, by model.  mode: the name of the policy that chooses.
    """

    fleet: Fleet
    rates: FleetRates
    unix_s: float
    queue_depths: Mapping[str, int]
    leaked_leases: int = 0
    store_error: str = ""
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A view, and what was seen before.

    quiet: nodes that are Offline without a timeout that this router saw: they said goodbye, were approved while
    silent, or were Offline when the router started.  twins: nodes whose token two processes use.
    firing: subjects of which the rule's alert fires already.
    """

    view: AlertView
    limits: AlertLimits
    now_s: float
    quiet: Collection[NodeId]
    twins: Collection[NodeId]
    firing: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is wrong. subject: what, unique within the rule.  node_id: "" where no single node is meant."""

    subject: str
    cause: str
    node_id: NodeId = NO_NODE


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One row. for_s: how long it must last to fire.  clear_s: how long it must be gone to be over.

    hint: what a person can do.  waits_for_nodes: says nothing right after the router's start, when nobody has been
    heard yet.
    """

    name: str
    severity: Severity
    for_s: float
    clear_s: float
    hint: str
    find: Callable[[Evidence], Iterator[Finding]]
    waits_for_nodes: bool = True


def _offline(evidence: Evidence) -> Iterator[Finding]:
    fleet = evidence.view.fleet
    for node in fleet:
        if node.state is not NodeState.OFFLINE or node.id in evidence.quiet or fleet.is_silent(node):
            continue
        yield _of_node(node, f"no heartbeat for {evidence.now_s - node.beat_at_s:.0f} s")


def _late(evidence: Evidence) -> Iterator[Finding]:
    fleet = evidence.view.fleet
    for node in fleet:
        if node.late and not fleet.is_silent(node):
            yield _of_node(node, f"its heartbeat is {evidence.now_s - node.beat_at_s:.0f} s old: it gets no new work")


def _model_down(evidence: Evidence) -> Iterator[Finding]:
    found = 0
    for model, pool in evidence.view.fleet.models:
        if evidence.now_s - pool.ready_at_s < MODEL_DOWN_S or found >= MAX_FINDINGS:
            continue
        wanted = [node for node in pool.serving if not node.draining and node.id not in evidence.quiet]
        if wanted:
            found += 1
            yield Finding(model, f"none of its {len(wanted)} nodes can take a request")


def _queue(evidence: Evidence) -> Iterator[Finding]:
    for model, depth in evidence.view.queue_depths.items():
        if depth > evidence.limits.queue_depth:
            yield Finding(model, f"{depth} requests wait for {model}")


def _errors(evidence: Evidence) -> Iterator[Finding]:
    traffic, limits = evidence.view.rates.traffic, evidence.limits
    if traffic.minute_requests >= limits.error_requests and traffic.error_percent > limits.error_percent:
        cause = f"{traffic.error_percent:.1f} % of {traffic.minute_requests} requests in the last minute failed"
        yield Finding("", cause)


def _hot(evidence: Evidence) -> Iterator[Finding]:
    for node in evidence.view.fleet:
        if node.figures is None or node.figures.temperature_c is None or not node.has_fresh_figures(evidence.now_s):
            continue
        limit_c = evidence.limits.temperature_c - HEAT_HYSTERESIS_C * (node.id in evidence.firing)
        if node.figures.temperature_c >= limit_c:
            yield _of_node(node, f"{node.figures.temperature_c:.0f} degrees C")


def _gpu_threshold(evidence: Evidence) -> Iterator[Finding]:
    """A GPU reports nearly 100 % with a single request, so the threshold passes over whoever works."""
    fleet = evidence.view.fleet
    if evidence.view.mode != "metrics":
        return
    at_work = [
        AtWork(node.active, node.max_concurrency, Exclusion.GPU in fleet.exclusions(node, evidence.now_s))
        for node in fleet
        if node.ineligibility is None and node.active > 0
    ]
    passed_over = passed_over_for_gpu(at_work, fleet.thresholds)
    if passed_over > 1:
        yield Finding("", f"{passed_over} of {len(at_work)} nodes that work are passed over for their GPU alone")


def _pending(evidence: Evidence) -> Iterator[Finding]:
    for node in evidence.view.fleet:
        waited_s = evidence.now_s - node.registered_at_s
        if node.state is NodeState.PENDING and waited_s >= evidence.limits.pending_s:
            yield _of_node(node, f"has waited {waited_s / 60:.0f} minutes for approval")


def _circuit(evidence: Evidence) -> Iterator[Finding]:
    for node in evidence.view.fleet:
        if node.circuit.state is not CircuitState.CLOSED and node.state is NodeState.ONLINE:
            yield _of_node(node, f"is taken out for errors: {node.last_error or 'no details'}")


def _twin(evidence: Evidence) -> Iterator[Finding]:
    for node in evidence.view.fleet:
        if node.id in evidence.twins:
            yield _of_node(node, "two processes send heartbeats with its token; the newer one is refused")


def _mass_silence(evidence: Evidence) -> Iterator[Finding]:
    if evidence.view.fleet.is_mass_silent:
        yield Finding("", "most nodes fell silent at once; they are still used on their last figures")


def _store(evidence: Evidence) -> Iterator[Finding]:
    if evidence.view.store_error:
        yield Finding("", evidence.view.store_error)


def _leaked(evidence: Evidence) -> Iterator[Finding]:
    if evidence.view.leaked_leases:
        yield Finding("", f"{evidence.view.leaked_leases} claims on nodes were never given back")


def _of_node(node: Node, cause: str) -> Finding:
    return Finding(node.id, cause, node.id)


_WARNING, _CRITICAL = Severity.WARNING, Severity.CRITICAL

RULES: tuple[AlertRule, ...] = (
    AlertRule("mass_silence", _CRITICAL, 0, 5, "Check the router's own network before the nodes.", _mass_silence),
    AlertRule("model_down", _CRITICAL, 2, 5, "See llmlb nodes list for its nodes, or start another one.", _model_down),
    AlertRule("node_offline", _CRITICAL, 0, 5, "Check the agent and the network of the machine.", _offline),
    AlertRule("node_late", _WARNING, 5, 5, "Nothing yet; it goes Offline if it stays silent.", _late),
    AlertRule("circuit_open", _WARNING, 60, 20, "Read the engine's own log; the router goes on probing it.", _circuit),
    AlertRule("error_rate", _CRITICAL, 10, 30, "See llmlb nodes list and the request records for the cause.", _errors),
    AlertRule("queue_growing", _WARNING, 60, 30, "Add nodes, or raise max_concurrency where there is room.", _queue),
    AlertRule("temperature", _WARNING, 30, 30, "Check cooling, or drain the node.", _hot),
    AlertRule(
        "gpu_threshold",
        _WARNING,
        60,
        60,
        "A GPU reports nearly 100 % with one request: llmlb thresholds set mode=adaptive, or gpu=100.",
        _gpu_threshold,
    ),
    AlertRule("pending_long", _WARNING, 0, 0, "Approve it with llmlb nodes approve, or reject it.", _pending),
    AlertRule("duplicate_instance", _WARNING, 0, 0, "Give each engine a node id and a token of its own.", _twin),
    AlertRule(
        "store_degraded",
        _WARNING,
        10,
        30,
        "Check space and permissions of the data directory; inference goes on meanwhile.",
        _store,
        waits_for_nodes=False,
    ),
    AlertRule(
        "leaked_lease",
        _WARNING,
        0,
        0,
        "This is a fault of llmlb: please report it with the log. A restart clears it.",
        _leaked,
        waits_for_nodes=False,
    ),
)
