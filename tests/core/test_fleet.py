"""Who is eligible, and when that changes."""

from __future__ import annotations

from collections import Counter

from fakes.fleet import BAD, GOOD, MODEL, REFUSED, FleetKit
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llmlb.core.change import Change, ChangeKind
from llmlb.core.circuit import CircuitState
from llmlb.core.fleet import FleetRules
from llmlb.core.health import NodeState
from llmlb.core.lease import Lease
from llmlb.core.load import Thresholds, rank_of
from llmlb.core.node import Beat, Figures, Fitness, Ineligibility, Node, NodeId, Profile
from llmlb.core.outcome import Outcome, OutcomeKind
from llmlb.errors import Fault


# Read through functions, for the type checker takes an attribute's value to last beyond the next call.
def circuit(node: Node) -> CircuitState:
    return node.circuit.state


def state(node: Node) -> NodeState:
    return node.state


def silent(kit: FleetKit) -> bool:
    return kit.fleet.is_mass_silent


def late(node: Node) -> bool:
    return node.late


def test_pending_node_never_reaches_online_without_approval() -> None:
    kit = FleetKit()
    node = kit.node("a", approved=False)
    kit.pass_time(600, beating=(node,))
    assert state(node) is NodeState.PENDING
    assert kit.names() == []


def test_approval_with_a_fresh_heartbeat_is_online_at_once() -> None:
    kit = FleetKit()
    assert kit.node("a").state is NodeState.ONLINE
    assert kit.names() == ["a"]


def test_approval_of_a_silent_node_is_offline_until_it_beats() -> None:
    kit = FleetKit()
    node, _ = kit.fleet.register(NodeId("a"), Profile(url="http://a"), Beat(loaded_models=(MODEL,)), kit.now_s)
    kit.fleet.approve(node, kit.now_s)
    assert state(node) is NodeState.OFFLINE
    kit.beat(node)
    assert state(node) is NodeState.ONLINE


def test_a_silent_node_is_late_after_interval_plus_check_and_offline_at_the_timeout() -> None:
    kit = FleetKit()
    node = kit.node("a")
    kit.pass_time(40)
    assert late(node) is False
    kit.pass_time(0.5)
    assert late(node) is True
    assert node.ineligibility is Ineligibility.LATE
    kit.pass_time(19)
    assert state(node) is NodeState.ONLINE
    kit.pass_time(0.5)
    assert state(node) is NodeState.OFFLINE
    assert node.timeouts == 1
    kit.beat(node)
    assert (node.state, node.late, kit.names()) == (NodeState.ONLINE, False, ["a"])


def test_a_node_that_says_goodbye_is_offline_at_once_and_that_is_no_timeout() -> None:
    kit = FleetKit()
    node = kit.node("a")
    kit.beat(node, leaving=True)
    assert (node.state, node.timeouts) == (NodeState.OFFLINE, 0)


def test_a_drained_node_gets_nothing_new() -> None:
    kit = FleetKit()
    node = kit.node("a")
    kit.fleet.drain(node, kit.now_s)
    assert kit.names() == []
    kit.fleet.undrain(node, kit.now_s)
    assert kit.names() == ["a"]


def test_a_moved_node_needs_approval_again() -> None:
    kit = FleetKit()
    node = kit.node("a")
    kit.fleet.move(node, kit.now_s)
    assert state(node) is NodeState.PENDING
    assert kit.names() == []


def test_a_restored_node_keeps_its_state_and_works_once_it_is_heard() -> None:
    old = FleetKit()
    node = old.node("a")
    new = FleetKit()
    node.pools = ()
    new.fleet.restore(node, new.now_s)
    assert state(node) is NodeState.ONLINE
    assert node.ineligibility is Ineligibility.UNVERIFIED
    new.fleet.answered(node, new.now_s)
    assert new.names() == ["a"]


def test_third_heartbeat_within_a_second_is_too_fast() -> None:
    kit = FleetKit()
    node = kit.node("a")
    assert kit.beat(node) == "accepted"
    assert kit.beat(node) == "too_fast"
    kit.now_s += 1.0
    assert kit.beat(node) == "accepted"


def test_a_restart_takes_over_and_only_a_returning_twin_is_a_conflict() -> None:
    kit = FleetKit()
    node = kit.node("a")
    verdicts = []
    for boot_id in ("one", "two", "two", "one", "two", "one"):
        kit.now_s += 5
        verdicts.append(kit.beat(node, boot_id=boot_id))
    assert verdicts == ["accepted"] * 4 + ["duplicate_instance", "accepted"]


def test_the_refused_twin_takes_over_once_the_first_is_silent() -> None:
    kit = FleetKit()
    node = kit.node("a")
    for boot_id in ("one", "two", "one"):
        kit.now_s += 5
        kit.beat(node, boot_id=boot_id)
    kit.now_s += 30
    assert kit.beat(node, boot_id="two") == "duplicate_instance"
    kit.now_s += 31
    assert kit.beat(node, boot_id="two") == "accepted"


def test_an_old_sequence_number_changes_no_figures() -> None:
    kit = FleetKit()
    node = kit.node("a")
    for seq, gpu in ((5, 50.0), (4, 99.0)):
        kit.now_s += 1
        kit.fleet.beat(node, Beat(figures=Figures(gpu, 1.0), seq=seq, boot_id="b"), now_s=kit.now_s, unix_s=0.0)
    assert node.figures is not None
    assert node.figures.gpu_percent == 50.0


def test_a_refused_connection_ejects_at_once_and_one_probe_decides() -> None:
    kit = FleetKit()
    bad, good = kit.node("bad"), kit.node("good")
    kit.node("third")
    lease = kit.take()
    while lease.node is not bad:
        lease = kit.take()
    kit.settle(lease, REFUSED)
    assert circuit(bad) is CircuitState.OPEN
    assert "bad" not in kit.names()
    kit.pass_time(7, beating=(bad, good))
    assert circuit(bad) is CircuitState.HALF_OPEN
    probe = kit.take()
    assert (probe.node, probe.reason) == (bad, "probe")
    assert all(kit.take().node is not bad for _ in range(5))
    kit.settle(probe)
    second = kit.take()
    assert second.node is bad
    kit.settle(second)
    assert circuit(bad) is CircuitState.CLOSED


def test_a_failed_probe_doubles_the_rest() -> None:
    kit = FleetKit()
    bad = kit.node("bad")
    kit.node("good")
    kit.node("third")
    lease = next(lease for lease in (kit.take() for _ in range(3)) if lease.node is bad)
    kit.settle(lease, REFUSED)
    first_s = bad.circuit.open_until_s - kit.now_s
    kit.pass_time(first_s + 1)
    kit.settle(kit.take(), BAD)
    assert circuit(bad) is CircuitState.OPEN
    assert 1.3 < (bad.circuit.open_until_s - kit.now_s) / first_s < 3.1


def test_five_failures_in_a_row_eject_and_a_success_between_forgives() -> None:
    kit = FleetKit()
    bad = kit.node("bad")
    for _ in range(4):
        kit.settle(kit.take(), BAD)
    kit.settle(kit.take(), GOOD)
    for _ in range(4):
        kit.settle(kit.take(), BAD)
    assert circuit(bad) is CircuitState.CLOSED
    kit.settle(kit.take(), BAD)
    assert circuit(bad) is CircuitState.OPEN


def test_a_client_hanging_up_charges_nobody() -> None:
    kit = FleetKit()
    node = kit.node("a")
    for _ in range(50):
        kit.settle(kit.take(), Outcome.cancelled())
    assert (node.circuit.state, node.failed_requests) == (CircuitState.CLOSED, 0)


def test_when_more_than_half_are_ejected_circuits_are_ignored() -> None:
    kit = FleetKit()
    nodes = [kit.node(name) for name in "abc"]
    for node in nodes[:2]:
        lease = kit.take()
        while lease.node is not node:
            lease = kit.take()
        changes = kit.balancer.settle(lease, REFUSED, kit.now_s)
    assert ChangeKind.PANIC_BEGAN in {change.kind for change in changes}
    assert kit.names() == ["a", "b", "c"]
    assert {kit.take().reason for _ in range(12)} >= {"panic"}


def test_panic_never_widens_to_pending_or_draining_nodes() -> None:
    kit = FleetKit()
    kit.node("pending", approved=False)
    drained = kit.node("drained")
    kit.fleet.drain(drained, kit.now_s)
    only = kit.node("only")
    kit.settle(kit.take(), REFUSED)
    assert kit.names() == ["only"]
    assert kit.take().node is only


def test_mass_silence_keeps_the_silent_in_work_and_ends_when_most_are_heard() -> None:
    kit = FleetKit()
    nodes = [kit.node(name) for name in "abcd"]
    kit.pass_time(120, beating=(nodes[0],))
    assert silent(kit) is True
    assert nodes[1].state is NodeState.OFFLINE
    assert kit.names() == ["a", "b", "c", "d"]
    assert {kit.take().reason for _ in range(12)} >= {"mass_silence"}
    for node in nodes[1:3]:
        kit.beat(node)
    kit.fleet.tick(kit.now_s)
    assert silent(kit) is False
    assert kit.names() == ["a", "b", "c"]


def test_nodes_that_said_goodbye_or_were_drained_are_no_mass_silence() -> None:
    kit = FleetKit()
    nodes = [kit.node(name) for name in "abcde"]
    kit.pass_time(2, beating=())
    for node in nodes[1:3]:
        kit.beat(node, leaving=True)
    kit.fleet.drain(nodes[3], kit.now_s)
    kit.pass_time(300, beating=(nodes[0], nodes[4]))
    assert silent(kit) is False
    assert kit.names() == ["a", "e"]


def test_a_node_that_comes_back_from_its_goodbye_can_fall_silent_again() -> None:
    kit = FleetKit()
    nodes = [kit.node(name) for name in "abc"]
    kit.pass_time(2, beating=())
    for node in nodes:
        kit.beat(node, leaving=True)
    kit.pass_time(2, beating=())
    for node in nodes:
        kit.beat(node)
    kit.pass_time(120, beating=(nodes[0],))
    assert silent(kit) is True


def test_an_engine_that_answers_probes_but_no_request_rests_to_the_end() -> None:
    kit = FleetKit()
    node = kit.node("a")
    for _ in range(5):
        kit.settle(kit.take(), BAD)
    assert node.circuit.state is CircuitState.OPEN
    kit.fleet.answered(node, kit.now_s)
    assert node.circuit.state is CircuitState.OPEN


def test_an_engine_whose_port_is_open_again_need_not_rest() -> None:
    kit = FleetKit()
    node = kit.node("a")
    kit.settle(kit.take(), REFUSED)
    kit.fleet.answered(node, kit.now_s)
    assert node.circuit.state is CircuitState.HALF_OPEN


def test_one_silent_node_of_three_is_no_mass_silence() -> None:
    kit = FleetKit()
    nodes = [kit.node(name) for name in "abc"]
    kit.pass_time(120, beating=(nodes[0], nodes[1]))
    assert silent(kit) is False
    assert kit.names() == ["a", "b"]


def test_a_busy_node_rests_and_is_not_ejected() -> None:
    kit = FleetKit()
    node = kit.node("a")
    kit.settle(kit.take(), Outcome(OutcomeKind.BUSY, rest_s=3.0))
    assert node.ineligibility is Ineligibility.RESTING
    kit.pass_time(3.5)
    assert kit.names() == ["a"]
    assert circuit(node) is CircuitState.CLOSED


def test_a_removed_node_ends_its_requests_without_a_trace() -> None:
    kit = FleetKit()
    node = kit.node("a")
    lease = kit.take()
    kit.fleet.remove(node, ChangeKind.DELETED, cause="deleted")
    kit.settle(lease)
    assert kit.names() == []
    assert not kit.balancer.leases


def test_a_pending_node_without_a_heartbeat_expires() -> None:
    kit = FleetKit(rules=FleetRules(pending_expiry_s=100))
    kit.node("a", approved=False)
    kit.pass_time(99)
    assert NodeId("a") in kit.fleet
    kit.pass_time(1.5)
    assert NodeId("a") not in kit.fleet


def test_a_node_without_any_list_serves_every_model_and_one_with_an_empty_list_none() -> None:
    kit = FleetKit()
    kit.node("any", models=None)
    kit.node("none", models=())
    assert kit.names("whatever") == ["any"]
    kit.node("m")
    assert kit.names(MODEL) == ["any", "m"]


def test_models_follow_the_heartbeats() -> None:
    kit = FleetKit()
    node = kit.node("a", models=("x:latest", "y"))
    assert kit.names("x") == ["a"]
    kit.now_s += 1
    kit.beat(node, models=("y",))
    assert kit.names("x") == []
    assert kit.names("y") == ["a"]


class FleetMachine(RuleBasedStateMachine):
    """Any order of acts: the structures agree with the rules computed from scratch, and counts never go wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.kit = FleetKit()
        self.leases: list[Lease] = []
        self.serial = 0

    nodes = st.integers(0, 5)

    def pick(self, index: int) -> NodeId | None:
        ids = [node.id for node in self.kit.fleet]
        return ids[index % len(ids)] if ids else None

    @rule(gpu=st.sampled_from([None, 5.0, 95.0]), limit=st.sampled_from([None, 1, 3]), approved=st.booleans())
    def join(self, gpu: float | None, limit: int | None, approved: bool) -> None:
        if len(self.kit.fleet) < 6:
            self.serial += 1
            models = None if self.serial % 4 == 0 else (MODEL,)
            self.kit.node(f"n{self.serial}", gpu=gpu, limit=limit, approved=approved, models=models)

    @rule(index=nodes, gpu=st.sampled_from([None, 5.0, 95.0]), active=st.integers(0, 12), leaving=st.booleans())
    def beat(self, index: int, gpu: float | None, active: int, leaving: bool) -> None:
        node_id = self.pick(index)
        if node_id is not None:
            self.kit.now_s += 1
            node = self.kit.fleet.get(node_id)
            assert node is not None
            models = None if node.serves_any else (MODEL,)
            self.kit.beat(node, gpu=gpu, active=active, leaving=leaving, models=models)

    @rule(index=nodes, act=st.sampled_from(["approve", "drain", "undrain", "move", "remove", "answered"]))
    def operate(self, index: int, act: str) -> None:
        node_id = self.pick(index)
        node = self.kit.fleet.get(node_id) if node_id else None
        if node is None:
            return
        if act == "remove":
            self.kit.fleet.remove(node, ChangeKind.DELETED, cause="")
        elif act != "answered" or node.is_approved:
            getattr(self.kit.fleet, act)(node, self.kit.now_s)

    @rule(seconds=st.sampled_from([0.5, 5.0, 45.0]))
    def wait(self, seconds: float) -> None:
        self.kit.pass_time(seconds)

    @rule(gpu=st.sampled_from([50.0, 100.0]), active=st.sampled_from([0, 2, 10]))
    def tune(self, gpu: float, active: int) -> None:
        self.kit.fleet.set_thresholds(Thresholds(gpu, 90.0, active), self.kit.now_s)

    @rule()
    def dispatch(self) -> None:
        eligible = set(self.kit.names())
        probing = {node.id for node in self.kit.fleet if node.circuit.state is CircuitState.HALF_OPEN}
        offer = self.kit.offer()
        if isinstance(offer, Lease):
            assert offer.node.id in eligible | probing
            assert offer.node.is_approved
            assert not offer.node.draining
            self.leases.append(offer)
        else:
            assert not eligible

    @precondition(lambda self: self.leases)
    @rule(index=st.integers(0, 100), outcome=st.sampled_from([GOOD, BAD, REFUSED, Outcome.cancelled()]))
    def settle(self, index: int, outcome: Outcome) -> None:
        self.kit.settle(self.leases.pop(index % len(self.leases)), outcome)

    @invariant()
    def ranks_kept_up_by_steps_are_those_that_a_look_would_give(self) -> None:
        for node in self.kit.fleet:
            assert node.rank == rank_of(node)

    @invariant()
    def counts_add_up(self) -> None:
        assert len(self.kit.balancer.leases) == len(self.leases)
        for node in self.kit.fleet:
            assert node.in_flight == sum(lease.node is node for lease in self.leases)
            assert node.active == node.in_flight + node.foreign_active >= node.in_flight >= 0

    @invariant()
    def only_who_may_work_is_shown_to_policies(self) -> None:
        pool = self.kit.fleet.candidates(MODEL)
        for node in pool or ():
            assert node.is_approved
            assert not node.draining
            assert node.verified
            assert state(node) is NodeState.ONLINE or self.kit.fleet.is_silent(node)
            assert not node.at_capacity
            assert circuit(node) is CircuitState.CLOSED or (pool is not None and pool.panicking)

    @invariant()
    def nobody_who_may_work_is_forgotten(self) -> None:
        self.kit.fleet.tick(self.kit.now_s)
        eligible = set(self.kit.names())
        for standing in self.kit.fleet.standings(MODEL, self.kit.now_s):
            assert (standing.ineligibility is None) is (standing.node.id in eligible), standing

    @invariant()
    def the_lineup_that_records_keep_is_the_one_that_a_look_would_give(self) -> None:
        fleet, now_s = self.kit.fleet, self.kit.now_s
        fleet.tick(now_s)
        lineup = fleet.lineup(MODEL)
        told = {
            node_id: because
            for part in (lineup.serving, lineup.others)
            for node_id, because in zip(part.node_ids, part.reasons, strict=True)
        }
        standings = fleet.standings(MODEL, now_s)
        expected = {
            each.node.id: each.ineligibility or each.exclusions[0]
            for each in standings
            if each.ineligibility is not None or each.node.fitness is Fitness.OVER
        }
        assert told == expected
        assert lineup.eligible == sum(each.ineligibility is None for each in standings)
        counts = Counter(lineup.serving.counts) + Counter(lineup.others.counts)
        assert counts == Counter(told.values())

    @invariant()
    def orders_hold_the_least_loaded_first(self) -> None:
        pool = self.kit.fleet.candidates(MODEL)
        for order in (pool.fit, pool.unmeasured) if pool else ():
            members = [node for node in self.kit.fleet if node in order]
            first = order.first()
            assert (first is None) is (not members)
            if first is not None:
                assert first.rank == min(node.rank for node in members)


FleetMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestFleetMachine = FleetMachine.TestCase


def test_a_node_that_denies_a_model_three_times_is_not_asked_for_it_for_a_minute() -> None:
    kit = FleetKit()
    liar = kit.node("a", models=(MODEL, "other"))
    kit.node("b", models=(MODEL,))
    denied = Outcome(OutcomeKind.ANSWERED, Fault.CLIENT, model_missing=True)
    told: list[Change] = []
    for _ in range(6):
        lease = kit.take()
        told += kit.balancer.settle(lease, denied if lease.node is liar else GOOD, kit.now_s)
    assert [change.kind for change in told] == [ChangeKind.MODEL_WITHHELD]
    assert {kit.take().node.id for _ in range(6)} == {"b"}
    assert kit.take("other").node is liar
    kit.pass_time(30)
    kit.beat(liar, models=(MODEL, "other"))
    assert {kit.take().node.id for _ in range(3)} == {"b"}
    kit.pass_time(31)
    kit.beat(liar, models=(MODEL, "other"))
    assert "a" in {kit.take().node.id for _ in range(12)}


def test_a_node_that_serves_any_model_may_deny_one() -> None:
    kit = FleetKit()
    liar = kit.node("a", models=None)
    kit.node("b", models=(MODEL,))
    for _ in range(3):
        kit.fleet.missed(liar, MODEL, kit.now_s)
    standings = {standing.node.id: standing.ineligibility for standing in kit.fleet.standings(MODEL, kit.now_s)}
    assert standings == {"a": Ineligibility.MODEL_MISSING, "b": None}
    assert kit.take("other").node is liar


def test_the_panic_of_nodes_that_serve_any_model_is_not_that_of_one_model() -> None:
    kit = FleetKit()
    kit.node("full", limit=1)
    kit.take()
    kit.node("any", models=None)
    kit.settle(kit.take(), REFUSED)
    standings = {standing.node.id: standing.ineligibility for standing in kit.fleet.standings(MODEL, kit.now_s)}
    assert kit.names() == []
    assert standings == {"full": Ineligibility.AT_CAPACITY, "any": Ineligibility.CIRCUIT_OPEN}


def test_a_report_that_still_counts_what_has_ended_is_not_taken_for_somebody_elses_work() -> None:
    kit = FleetKit()
    node = kit.node("a")
    for lease in [kit.take(), kit.take()]:
        kit.settle(lease)
    kit.beat(node, active=2)
    assert node.active == 0
    kit.pass_time(1)
    kit.beat(node, active=2)
    assert node.active == 2


def test_what_an_engine_reports_corrects_the_own_count_and_never_leads_it() -> None:
    kit = FleetKit()
    node = kit.node("a")
    leases = [kit.take() for _ in range(3)]
    kit.pass_time(10)
    kit.beat(node, active=0)
    assert node.active == 3, "a gauge that lags does not make a busy node look free"
    kit.pass_time(10)
    kit.beat(node, active=5)
    assert node.active == 5, "two are somebody else's"
    for lease in leases:
        kit.settle(lease)
    assert node.active == 2, "our own count falls at once, without a report"


def test_a_model_that_is_found_in_between_forgives_the_misses() -> None:
    kit = FleetKit()
    node = kit.node("a")
    denied = Outcome(OutcomeKind.ANSWERED, Fault.CLIENT, model_missing=True)
    for outcome in (denied, denied, GOOD, denied, denied):
        assert kit.balancer.settle(kit.take(), outcome, kit.now_s) == []
    assert node.withheld == {}


def test_what_nodes_deny_of_models_that_only_clients_name_is_not_kept() -> None:
    kit = FleetKit()
    node = kit.node("a", models=None)
    denied = Outcome(OutcomeKind.ANSWERED, Fault.CLIENT, model_missing=True)
    for number in range(50):
        kit.settle(kit.take(f"m{number}"), denied)
    assert (node.misses, node.withheld) == ({}, {})
