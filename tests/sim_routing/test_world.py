from __future__ import annotations

import math
from random import Random
from statistics import mean

import pytest

from benchmarks.sim.conditions import Conditions, Incident, IncidentKind, Scores, Telling
from benchmarks.sim.fleets import FAST, MEDIUM, SLOW, FleetPlan
from benchmarks.sim.generated import chat, long
from benchmarks.sim.results import judged
from benchmarks.sim.study import CONTENDERS, circumstances
from benchmarks.sim.workload import Arrival, Workload, normalised
from benchmarks.sim.world import Record, Status, World
from llmlb.core.choice import Candidates, Choice, InferenceRequest, Policy, Reason
from llmlb.core.fleet import Fleet
from llmlb.core.node import NodeId
from llmlb.core.outcome import Outcome, OutcomeKind

PLAN = FleetPlan("few", (FAST, MEDIUM, SLOW))


class Noting(Policy):
    """Takes turns, and notes what it is told."""

    reads_prompts = True

    def __init__(self, fleet: Fleet, rng: Random) -> None:
        self.fleet = fleet
        self.picked: list[InferenceRequest] = []
        self.events: dict[InferenceRequest, list[str]] = {}
        self.outcomes: list[Outcome] = []
        self.most_active: dict[NodeId, int] = {}
        self.gpu_percents: set[float] = set()
        self.asked_to_shed = 0

    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        self.picked.append(request)
        self.gpu_percents |= {node.figures.gpu_percent or 0.0 for node in candidates if node.figures}
        return Choice(candidates.rotate().id, Reason.CUSTOM)

    def shed(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> float | None:
        self.asked_to_shed += 1
        return 1.0 if self.asked_to_shed % 2 else None

    def dispatched(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        self.events.setdefault(request, []).append("dispatched")
        node = self.fleet.get(node_id)
        assert node is not None
        self.most_active[node_id] = max(self.most_active.get(node_id, 0), node.in_flight)

    def first_token(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        self.events[request].append("first_token")

    def ended(self, request: InferenceRequest, node_id: NodeId, outcome: Outcome, now_s: float) -> None:
        self.events[request].append("ended")
        self.outcomes.append(outcome)


def simulated(
    conditions: Conditions | None = None, *, workload: Workload | None = None, seed: int = 1
) -> tuple[list[Record], Noting, World]:
    world = World(PLAN, workload or chat(300, 1), Noting, conditions or Conditions(), seed=seed)
    policy = world.policy
    assert isinstance(policy, Noting)
    return world.run(), policy, world


def test_every_request_is_dispatched_gets_its_first_token_and_ends_once() -> None:
    records, policy, _ = simulated()
    assert {record.status for record in records} == {Status.ANSWERED}
    assert set(map(tuple, policy.events.values())) == {("dispatched", "first_token", "ended")}
    assert all(node.in_flight == 0 for node in policy.fleet)
    for record in records:
        assert record.arrived_at_s < record.first_at_s <= record.ended_at_s


def test_a_seed_decides_everything() -> None:
    def instants(seed: int) -> list[float]:
        world = World(PLAN, long(200, 1), CONTENDERS["power_of_two"].make, Conditions(), seed=seed)
        return [record.ended_at_s for record in world.run()]

    assert instants(1) == instants(1)
    assert instants(1) != instants(2)


def test_the_router_learns_only_what_engines_tell() -> None:
    usage = [
        simulated(Conditions(telling=telling))[1].outcomes[0].usage
        for telling in (Telling.USAGE, Telling.TIMINGS, Telling.COUNTED)
    ]
    assert all(one is not None for one in usage)
    told = [(one.prompt is not None, one.prefill_s is not None, one.estimated) for one in usage if one]
    assert told == [(True, False, False), (True, True, False), (False, False, True)]


def test_utilisation_says_little_more_than_whether_anything_runs() -> None:
    _, policy, _ = simulated(Conditions(heartbeat_s=5.0))
    assert max(policy.gpu_percents) > 94
    assert not any(3 < percent < 94 for percent in policy.gpu_percents)


def test_text_has_a_step_for_each_block_and_shares_them_as_the_blocks_are_shared() -> None:
    rows = [Arrival(0.0, 2_048, 1, (1, 2, 3, 4)), Arrival(1.0, 2_048, 1, (1, 2, 8, 9)), Arrival(2.0, 700, 1)]
    workload = normalised("rows", rows)
    for bytes_per_token, steps in ((4.0, 4), (6.6, 6), (2.4, 2)):
        _, policy, _ = simulated(Conditions(bytes_per_token=bytes_per_token), workload=workload)
        prompts = [request.prompt for request in policy.picked]
        assert prompts[0] is not None
        assert prompts[1] is not None
        assert len(prompts[0].blocks) == steps
        assert prompts[0].text_bytes == int(2_048 * bytes_per_token)
        shared = [one == other for one, other in zip(prompts[0].blocks, prompts[1].blocks, strict=True)]
        assert shared == sorted(shared, reverse=True)
        assert sum(shared) == int(1_024 * bytes_per_token) // 2_048


def test_a_dead_node_loses_what_it_had_begun_and_the_rest_goes_elsewhere() -> None:
    incident = Incident(IncidentKind.DIES, 0, 0.5)
    records, policy, world = simulated(Conditions(incidents=(incident,)), workload=chat(2_000, 1))
    died_at_s = 0.5 * world.duration_s
    broken = [record for record in records if record.status is Status.FAILED]
    assert broken
    assert all(record.first_at_s <= died_at_s for record in broken)
    moved = [record for record in records if record.attempts > 1]
    assert moved
    assert {record.status for record in moved} == {Status.ANSWERED}
    assert not any(record.node == 0 and record.ended_at_s > died_at_s for record in records)
    assert OutcomeKind.UNREACHABLE in {outcome.kind for outcome in policy.outcomes}
    assert all(node.in_flight == 0 for node in policy.fleet)


def test_a_node_that_joins_works_from_then_on() -> None:
    incident = Incident(IncidentKind.JOINS, 0, 0.5)
    records, _, world = simulated(Conditions(incidents=(incident,)))
    served = [record.arrived_at_s for record in records if record.node == 0]
    assert served
    assert min(served) >= 0.5 * world.duration_s


def test_a_node_that_slows_down_answers_slowly_from_then_on() -> None:
    incident = Incident(IncidentKind.SLOWS, 1, 0.5)
    records, _, world = simulated(Conditions(load=0.2, incidents=(incident,)))
    middle_s = 0.5 * world.duration_s
    own = [record for record in records if record.node == 1 and record.arrival.output_tokens > 1]
    before = [record.tpot_s for record in own if record.ended_at_s < middle_s]
    after = [record.tpot_s for record in own if record.arrived_at_s > middle_s]
    assert mean(after) > 8 * mean(before)


def test_known_slots_are_never_exceeded_and_the_router_queues() -> None:
    records, policy, _ = simulated(Conditions(load=1.5, slots_known=True))
    slots = {NodeId("fast-1"): 128, NodeId("medium-2"): 64, NodeId("slow-3"): 16}
    assert all(most <= slots[node_id] for node_id, most in policy.most_active.items())
    assert policy.most_active[NodeId("slow-3")] == 16
    assert Status.OPEN not in {record.status for record in records}


def test_refusing_needs_an_objective_and_counts_against_the_policy() -> None:
    records, _, world = simulated(Conditions(load=0.3, admission=True))
    verdict = judged(records, world.classes, chat(2, 1).objective)
    assert verdict.refused == 0.5
    assert 0 < verdict.good <= 0.5
    assert all(math.isnan(row.first_at_s) for row in records if row.status is Status.REFUSED)
    _, policy, _ = simulated(Conditions(admission=False))
    assert policy.asked_to_shed == 0


@pytest.mark.parametrize("scores", Scores)
def test_scores_are_reported_as_the_circumstances_say(scores: Scores) -> None:
    _, policy, _ = simulated(Conditions(scores=scores))
    reported = [node.score for node in policy.fleet]
    expected = {Scores.EQUAL: {5_000}, Scores.UNKNOWN: {0}}.get(scores)
    assert set(reported) == expected if expected else reported == sorted(reported, reverse=True) != [10_000] * 3


def test_the_circumstances_all_differ_from_the_usual() -> None:
    usual = Conditions(scores=Scores.UNKNOWN)
    others = circumstances(usual)
    assert others.pop("as usual") == others.pop("scores unknown") == usual
    assert usual not in others.values()
    assert len(set(others.values())) == len(others)
