"""The balancer and its policies: who is told of what."""

from __future__ import annotations

from fakes.fleet import GOOD, MODEL, REFUSED, FleetKit

from llmlb.core.admission import RefusalKind
from llmlb.core.balancer import Queued, Refused
from llmlb.core.choice import Candidates, Choice, InferenceRequest, Objective, Policy, Reason
from llmlb.core.lease import Lease
from llmlb.core.node import NodeId
from llmlb.core.outcome import Outcome


class Counting(Policy):
    """Takes the first candidate and counts what is open."""

    def __init__(self, shed_s: float | None = None) -> None:
        self.open = 0
        self.shed_s = shed_s

    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        return Choice(next(iter(candidates)).id, Reason.CUSTOM)

    def shed(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> float | None:
        return self.shed_s

    def dispatched(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        self.open += 1

    def ended(self, request: InferenceRequest, node_id: NodeId, outcome: Outcome, now_s: float) -> None:
        self.open -= 1


class Named(Policy):
    """Always takes the same node."""

    def __init__(self, node_id: NodeId) -> None:
        self.node_id = node_id

    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        return Choice(self.node_id, Reason.CUSTOM)


class Broken(Policy):
    """Raises wherever it is called."""

    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        raise ZeroDivisionError

    def shed(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> float | None:
        raise ZeroDivisionError

    def dispatched(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        raise ZeroDivisionError

    def first_token(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        raise ZeroDivisionError

    def ended(self, request: InferenceRequest, node_id: NodeId, outcome: Outcome, now_s: float) -> None:
        raise ZeroDivisionError

    def forgotten(self, node_id: NodeId) -> None:
        raise ZeroDivisionError


class Deaf:
    """A waiter that nobody should call."""

    def refused(self, kind: RefusalKind) -> None:
        raise AssertionError(kind)


def test_a_change_of_mode_settles_open_requests_with_the_policy_that_was_told_of_them() -> None:
    before, after = Counting(), Counting()
    kit = FleetKit(policy=before)
    kit.node("a")
    lease = kit.take()
    kit.balancer.policy = after
    second = kit.take()
    assert (before.open, after.open) == (1, 1)
    kit.settle(lease)
    kit.settle(second)
    assert (before.open, after.open) == (0, 0)


def test_a_policy_used_for_one_request_is_told_of_all_that_follow() -> None:
    own, other = Counting(), Counting()
    kit = FleetKit(policy=own)
    kit.node("a")
    kit.balancer.offer(InferenceRequest(MODEL), kit.now_s, policy=other)
    kit.take()
    assert (own.open, other.open) == (2, 2)


def test_only_a_request_with_an_objective_can_be_shed() -> None:
    kit = FleetKit(policy=Counting(shed_s=3.0))
    kit.node("a")
    kit.settle(kit.take(), GOOD)
    urgent = InferenceRequest(MODEL, objective=Objective(ttft_s=0.1, tpot_s=0.1))
    assert kit.balancer.offer(urgent, kit.now_s, waiter=Deaf()) == Refused(RefusalKind.OBJECTIVE_OUT_OF_REACH, 3.0)


def test_a_request_that_waited_is_placed_by_the_policy_it_asked_for() -> None:
    own, other = Counting(), Named(NodeId("b"))
    kit = FleetKit(policy=own)
    a, b = kit.node("a", limit=1), kit.node("b", limit=1)
    first, second = kit.take(), kit.take()
    waiting = kit.balancer.offer(InferenceRequest(MODEL), kit.now_s, waiter=Deaf(), policy=other)
    assert isinstance(waiting, Queued)
    kit.settle(first)
    kit.settle(second)
    [grant] = kit.balancer.grants(kit.now_s)
    assert (a.in_flight, b.in_flight) == (0, 1)
    kit.settle(grant.lease)


def test_a_request_that_waited_for_nobody_in_particular_is_placed_by_the_present_mode() -> None:
    kit = FleetKit(policy=Counting())
    node, other = kit.node("a", limit=1), kit.node("b", limit=1)
    leases = [kit.take(), kit.take()]
    kit.balancer.offer(InferenceRequest(MODEL), kit.now_s, waiter=Deaf())
    kit.balancer.policy = Named(NodeId("b"))
    for lease in leases:
        kit.settle(lease)
    [grant] = kit.balancer.grants(kit.now_s)
    assert (node.in_flight, other.in_flight) == (0, 1)
    kit.settle(grant.lease)


def test_a_policy_that_fails_costs_no_request_and_no_lease() -> None:
    failures: list[Exception] = []
    kit = FleetKit(policy=Broken(), policy_failed=lambda policy, error: failures.append(error))
    kit.node("a")
    kit.node("b")
    leases = []
    for _ in range(4):
        urgent = InferenceRequest(MODEL, objective=Objective(ttft_s=0.1, tpot_s=0.1))
        offer = kit.balancer.offer(urgent, kit.now_s, waiter=Deaf())
        assert isinstance(offer, Lease)
        leases.append(offer)
        kit.balancer.first_token(offer, kit.now_s)
    assert sorted(lease.node.id for lease in leases) == ["a", "a", "b", "b"]
    for lease in leases:
        kit.settle(lease)
    kit.balancer.forget(NodeId("a"))
    assert not kit.balancer.leases
    assert [node.in_flight for node in kit.fleet] == [0, 0]
    assert len(failures) == 4 * 5 + 1


def test_a_policy_that_chooses_who_was_not_offered_is_passed_over() -> None:
    failures: list[Exception] = []
    kit = FleetKit(policy=Named(NodeId("ghost")), policy_failed=lambda policy, error: failures.append(error))
    kit.node("a")
    assert kit.take().node.id == "a"
    assert "ghost" in str(failures[0])


def test_of_several_nodes_that_wait_for_a_probe_the_one_that_waits_longest_gets_it() -> None:
    kit = FleetKit()
    names = [f"node-{number}" for number in range(12)]
    nodes = {name: kit.node(name) for name in names}
    waiting = names[5], names[3], names[0], names[4], names[1], names[2]
    for name in waiting:
        lease = kit.take(tried=tuple(other for other in names if other != name))
        kit.settle(lease, REFUSED)
        kit.pass_time(11, beating=tuple(nodes.values()))
    assert [kit.take().node.id for _ in waiting] == list(waiting)
