"""Admission, fleet and policy in one step: ``offer`` a request, ``settle`` its lease."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from llmlb.core.admission import ModelQueue, RefusalKind, Ticket, Waiter, answer_tokens
from llmlb.core.candidates import EligibleNodes
from llmlb.core.change import Change
from llmlb.core.choice import Choice, InferenceRequest, Policy, Reason
from llmlb.core.circuit import CircuitState
from llmlb.core.fleet import Fleet
from llmlb.core.lease import Lease, LeaseState
from llmlb.core.lineup import Lineup
from llmlb.core.node import Ineligibility, Node, NodeId, canonical_model
from llmlb.core.outcome import Outcome, OutcomeKind


@dataclass(frozen=True, slots=True)
class QueueRules:
    """per_model: waiting requests of one model.  Durations in seconds.

    absent_*: a model that had a node up within the window is waited for that briefly: the node may be restarting.
    """

    per_model: int = 100
    wait_s: float = 30.0
    absent_wait_s: float = 2.0
    absent_window_s: float = 30.0


class Queued(Struct, frozen=True):
    """Nobody has room now; the ticket's waiter will be told."""

    ticket: Ticket


class Refused(Struct, frozen=True, gc=False):
    """Nobody can take it. retry_after_s: when it may be worth asking again, where that is known."""

    kind: RefusalKind
    retry_after_s: float | None = None


Offer = Lease | Queued | Refused


@dataclass(frozen=True, slots=True)
class Grant:
    """A queued request's turn has come: its lease is already taken."""

    ticket: Ticket
    lease: Lease


_HELD, _RELEASED, _CLOSED = LeaseState.HELD, LeaseState.RELEASED, CircuitState.CLOSED
"""Looking up a member of an enumeration takes longer than the comparison."""


def _listening(policy: Policy) -> tuple[Policy, ...]:
    """The policy, if it wants to hear of what becomes of requests; most choose by what the fleet knows anyway."""
    kind = type(policy)
    told = (kind.dispatched, kind.first_token, kind.ended, kind.forgotten)
    deaf = (Policy.dispatched, Policy.first_token, Policy.ended, Policy.forgotten)
    return () if told == deaf else (policy,)


class _Readiness(StrEnum):
    READY = "ready"
    FULL = "full"
    ABSENT = "absent"


class Balancer:
    """Chooses nodes and keeps the count of who works on what. Synchronous: the choice and its lease are one step."""

    def __init__(
        self,
        fleet: Fleet,
        policy: Policy,
        *,
        queue_rules: QueueRules,
        aliases: Mapping[str, str],
        rng: Random,
        policy_failed: Callable[[Policy, Exception], None] = lambda policy, error: None,
    ) -> None:
        """policy_failed: is told when a policy raises, or chooses a node that was not offered; turns are taken then."""
        self.fleet = fleet
        self._policy_failed = policy_failed
        self._policy = policy
        self.reads_prompts = policy.reads_prompts
        """Whether the mode's policy does."""
        self._listeners = _listening(policy)
        """Policies that are told of every request: the mode's, those of earlier modes and those asked for by name."""
        self.queue_rules = queue_rules
        self.aliases = dict(aliases)
        self._rng = rng
        self.queues: dict[str, ModelQueue] = {}
        """Waiting requests by model; a model without any may be missing."""
        self.leases: set[Lease] = set()

    @property
    def policy(self) -> Policy:
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        others = [other for other in self._listeners if other not in (policy, self._policy)]
        self._listeners = (*_listening(policy), *others)
        self._policy = policy
        self.reads_prompts = policy.reads_prompts

    def resolve(self, model: str) -> tuple[str, str | None]:
        """The canonical name behind what a client asked for, and the alias's target when one applies.

        Exact names win over aliases, and both over the ``:latest`` that engines add or drop.
        """
        name = canonical_model(model)
        target = self.aliases.get(model) if self.aliases else None
        if target is None or self.fleet.is_known(name):
            return name, None
        return canonical_model(target), target

    def offer(
        self,
        request: InferenceRequest,
        now_s: float,
        waiter: Waiter | None = None,
        policy: Policy | None = None,
    ) -> Offer:
        """Place a request: a lease now, a ticket if there is somebody to wait for, or a refusal.

        waiter: who is told when a ticket's turn comes; without one nothing is queued (retries do not queue).
        policy: another one for this request only. It is told of every request from then on, as the mode's own is.
        """
        if policy is not None and policy not in self._listeners:
            self._listeners += _listening(policy)
        pool = self.fleet.candidates(request.model)
        if pool is None:
            return Refused(RefusalKind.MODEL_NOT_FOUND)
        if request.pinned is not None:
            return self._pin(request, request.pinned, now_s)
        chooser = policy or self._policy
        if request.objective is not None and waiter is not None and len(pool):
            try:
                retry_after_s = chooser.shed(request, pool, now_s)
            except Exception as error:  # noqa: BLE001  # as below
                self._policy_failed(chooser, error)
                retry_after_s = None
            if retry_after_s is not None:
                return Refused(RefusalKind.OBJECTIVE_OUT_OF_REACH, retry_after_s)
        queue = self.queues.get(request.model)
        if waiter is None or not queue:
            lease = self._choose(request, pool, now_s, chooser)
            if lease is not None:
                return lease
        if waiter is None:
            return Refused(RefusalKind.NO_NODE_AVAILABLE)
        return self._enqueue(request, pool, now_s, waiter, policy)

    def first_token(self, lease: Lease, now_s: float) -> None:
        """The first content of a stream has arrived."""
        for policy in lease.policies:
            try:
                policy.first_token(lease.request, lease.node.id, now_s)
            except Exception as error:  # noqa: BLE001  # whoever wrote it, requests go on
                self._policy_failed(policy, error)

    def forget(self, node_id: NodeId) -> None:
        """A node was removed from the fleet."""
        for policy in self._listeners:
            try:
                policy.forgotten(node_id)
            except Exception as error:  # noqa: BLE001  # as above
                self._policy_failed(policy, error)

    def settle(self, lease: Lease, outcome: Outcome, now_s: float) -> list[Change]:
        """Give a lease back. Raises RuntimeError when it was given back before: that would be a bug of ours."""
        if lease.state is not _HELD:
            raise RuntimeError("a lease was released twice")
        lease.state = _RELEASED
        self.leases.discard(lease)
        node, request = lease.node, lease.request
        for policy in lease.policies:
            try:
                policy.ended(request, node.id, outcome, now_s)
            except Exception as error:  # noqa: BLE001  # as above; the lease must be given back all the same
                self._policy_failed(policy, error)
        if self.queues:
            queue = self.queues.get(request.model)
            if queue is not None:
                queue.charge(request.key_id, answer_tokens(outcome.usage))
        changes = self.fleet.depart(node, outcome, now_s)
        if outcome.model_missing:
            return changes + self.fleet.missed(node, request.model, now_s)
        if node.misses and outcome.kind is OutcomeKind.ANSWERED:
            self.fleet.found(node, request.model)
        return changes

    def grants(self, now_s: float) -> list[Grant]:
        """Serve the queues as far as there is room. Call it after anything that may have made room."""
        granted: list[Grant] = []
        for model, queue in list(self.queues.items()):
            pool = self.fleet.candidates(model)
            while queue and pool is not None:
                head = queue.head()
                lease = self._choose(head.request, pool, now_s, head.policy or self._policy) if head else None
                if lease is None:
                    break
                ticket = queue.pop()
                lease.queue_s = now_s - ticket.queued_at_s
                granted.append(Grant(ticket, lease))
            if not queue:
                del self.queues[model]
        return granted

    def expired(self, now_s: float) -> list[Ticket]:
        """Remove and return the tickets that waited too long."""
        return [ticket for queue in self.queues.values() for ticket in queue.expired(now_s)]

    def withdraw(self, ticket: Ticket) -> bool:
        """The waiter went away. False when its turn had already come."""
        queue = self.queues.get(ticket.request.model)
        return queue is not None and queue.remove(ticket)

    def _enqueue(
        self, request: InferenceRequest, pool: EligibleNodes, now_s: float, waiter: Waiter, policy: Policy | None
    ) -> Offer:
        readiness = self._readiness(pool, now_s)
        if readiness is _Readiness.ABSENT and now_s - pool.ready_at_s > self.queue_rules.absent_window_s:
            return Refused(RefusalKind.NO_NODE_AVAILABLE)
        wait_s, in_vain = self.queue_rules.wait_s, RefusalKind.QUEUE_TIMEOUT
        if readiness is _Readiness.ABSENT:
            wait_s, in_vain = self.queue_rules.absent_wait_s, RefusalKind.NO_NODE_AVAILABLE
        queue = self.queues.setdefault(request.model, ModelQueue())
        if len(queue) >= self.queue_rules.per_model:
            return Refused(RefusalKind.QUEUE_FULL)
        ticket = Ticket(request, waiter, now_s, now_s + wait_s, len(queue) + 1, in_vain, policy)
        queue.push(ticket)
        return Queued(ticket)

    def _readiness(self, pool: EligibleNodes, now_s: float) -> _Readiness:
        if len(pool):
            return _Readiness.READY
        if any(self._is_full(node) for node in pool.serving):
            return _Readiness.FULL
        return _Readiness.ABSENT

    def _is_full(self, node: Node) -> bool:
        busy = node.ineligibility in (Ineligibility.AT_CAPACITY, Ineligibility.RESTING)
        return busy and node.circuit.state is CircuitState.CLOSED

    def _choose(self, request: InferenceRequest, pool: EligibleNodes, now_s: float, policy: Policy) -> Lease | None:
        if request.tried:
            pool = pool.without(request.tried)
        elif pool.half_open:
            probe = next(iter(pool.half_open))
            return self._lease(request, probe, Choice(probe.id, Reason.PROBE), now_s, pool.lineup, is_probe=True)
        if not pool.nodes:
            return None
        choice, node = self._pick(request, pool, now_s, policy)
        if node.circuit.state is not _CLOSED:
            choice = replace(choice, reason=Reason.PANIC)
        elif node.silent_at_s is not None:
            choice = replace(choice, reason=Reason.MASS_SILENCE)
        elif (
            node.circuit.ejections and len(pool) > 1 and self._rng.random() >= self.fleet.slow_start_share(node, now_s)
        ):
            other, node = self._pick(request, pool.without((node.id,)), now_s, policy)
            choice = replace(other, reason=Reason.SLOW_START)
        if request.tried:
            choice = replace(choice, reason=Reason.RETRY)
        return self._lease(request, node, choice, now_s, pool.lineup)

    def _pick(
        self, request: InferenceRequest, pool: EligibleNodes, now_s: float, policy: Policy
    ) -> tuple[Choice, Node]:
        """What the policy says, or the next in turn where it fails."""
        try:
            choice = policy.pick(request, pool, now_s)
            node = pool.nodes.get(choice.node_id)
            if node is None:
                raise RuntimeError(f"the policy chose {choice.node_id!r}, which is not a candidate")
        except Exception as error:  # noqa: BLE001  # anybody may write a policy, and requests must go on
            self._policy_failed(policy, error)
            node = pool.rotate()
            return Choice(node.id, Reason.ROUND_ROBIN), node
        return choice, node

    def _pin(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> Offer:
        node = self.fleet.get(node_id)
        if node is None or node.ineligibility is not None or request.tried:
            return Refused(RefusalKind.NODE_NOT_AVAILABLE)
        return self._lease(request, node, Choice(node_id, Reason.PINNED), now_s)

    def _lease(
        self,
        request: InferenceRequest,
        node: Node,
        choice: Choice,
        now_s: float,
        lineup: Lineup | None = None,
        is_probe: bool = False,
    ) -> Lease:
        reason, policies = choice.reason, self._listeners
        # Before the dispatch: it may fill the node.
        lineup = lineup or self.fleet.lineup(request.model)
        if is_probe:
            self.fleet.probe(node)
        self.fleet.dispatch(node, now_s)
        node.selections[reason] = node.selections.get(reason, 0) + 1
        lease = Lease(node, request, reason, now_s, policies, choice.costs, lineup, 0.0, is_probe)
        self.leases.add(lease)
        for policy in policies:
            try:
                policy.dispatched(request, node.id, now_s)
            except Exception as error:  # noqa: BLE001  # as above
                self._policy_failed(policy, error)
        return lease
