"""What ``adaptive`` must reach, on generated workloads. ``docs/routing-benchmark.md`` has the tables behind it."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import pytest

from benchmarks.sim.conditions import Conditions, Scores
from benchmarks.sim.fleets import FLEETS
from benchmarks.sim.results import Verdict
from benchmarks.sim.study import Source, circumstances, run, workload_of

SEEDS = (1, 2, 3)
REQUESTS = 4_000
USUAL = Conditions(load=0.8, scores=Scores.UNKNOWN)


def verdict(policy: str, workload: str, conditions: Conditions = USUAL, *, seed: int, fleet: str = "medium") -> Verdict:
    requests = REQUESTS if fleet == "medium" else REQUESTS // 2
    return run(policy, FLEETS[fleet], workload_of(Source(workload, requests, seed)), conditions, seed=seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_chat_is_answered_in_time(seed: int) -> None:
    reached = verdict("adaptive", "chat", seed=seed)
    assert reached.good >= 0.995
    assert reached.ttft_p99_s <= 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_long_prompts_are_answered_in_time(seed: int) -> None:
    reached = verdict("adaptive", "long", seed=seed)
    assert reached.good >= 0.82
    assert reached.ttft_p99_s <= 4.5


@pytest.mark.parametrize("seed", SEEDS)
def test_bursts_are_shed_rather_than_late_for_everybody(seed: int) -> None:
    reached = verdict("adaptive", "bursts", replace(USUAL, load=0.4, admission=True), seed=seed)
    assert reached.good >= 0.40


def chat_good(policy: str, load: float) -> float:
    """Mean over the seeds: at the edge of capacity one run's luck decides."""
    return mean(verdict(policy, "chat", replace(USUAL, load=load), seed=seed).good for seed in SEEDS)


def test_it_carries_far_more_than_policies_that_do_not_look_at_tokens() -> None:
    load = 0.94
    assert chat_good("adaptive", load) >= 0.95
    assert chat_good("round_robin", load / 2.5) < 0.95
    assert chat_good("least_active", load / 1.4) < 0.95


@pytest.mark.xfail(
    strict=True, reason="reaches 1.42 x; least active carries 0.67, and 1.5 x that is more than the fleet can work off"
)
def test_it_carries_one_and_a_half_times_the_load_of_least_active() -> None:
    load = 1.005
    assert chat_good("least_active", load / 1.5) < 0.95
    assert chat_good("adaptive", load) >= 0.95


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("workload", ["chat", "long"])
def test_equal_nodes_are_served_no_worse_than_by_least_active(workload: str, seed: int) -> None:
    adaptive, least_active = (
        verdict(policy, workload, seed=seed, fleet="homogeneous") for policy in ("adaptive", "least_active")
    )
    assert adaptive.good >= least_active.good - 0.01


KEEPING_CHAT = [
    "text 1.65 x longer than guessed",
    "text 1.65 x shorter than guessed",
    "each text up to 1.65 x off, either way",
    "scores equal",
    "slots known",
    "heartbeats every second",
    "heartbeats every 5 s",
    "streams without usage",
    "engines tell their timings",
]


@pytest.mark.parametrize("circumstance", KEEPING_CHAT)
def test_chat_keeps_its_numbers(circumstance: str) -> None:
    reached = verdict("adaptive", "chat", circumstances(USUAL)[circumstance], seed=1)
    assert reached.good >= 0.995
    assert reached.ttft_p99_s <= 1.0


@pytest.mark.parametrize("circumstance", KEEPING_CHAT[:3])
def test_long_prompts_keep_their_numbers_with_wrong_estimates(circumstance: str) -> None:
    reached = verdict("adaptive", "long", circumstances(USUAL)[circumstance], seed=1)
    assert reached.good >= 0.82
    assert reached.ttft_p99_s <= 4.5


@pytest.mark.parametrize(
    "circumstance", ["a medium node becomes 10 x slower", "a medium node joins", "a medium node dies"]
)
def test_one_node_of_sixteen_in_trouble_costs_little(circumstance: str) -> None:
    """What a dying node had begun is lost whatever the policy, and so is what already waits on a stalled one."""
    reached = verdict("adaptive", "chat", circumstances(USUAL)[circumstance], seed=1)
    assert reached.good >= 0.98


def test_a_fleet_that_has_become_too_small_refuses_a_few_and_keeps_the_others_in_time() -> None:
    """One of two fast nodes becomes ten times slower: what is left can carry 80 % of what the fleet could."""
    reached = verdict("adaptive", "chat", circumstances(USUAL)["the same, and refusing is allowed"], seed=1)
    known_scores = replace(USUAL, scores=Scores.CAPACITY)
    weighted = verdict("weighted", "chat", circumstances(known_scores)["a fast node becomes 10 x slower"], seed=1)
    assert reached.good >= max(0.88, weighted.good)


def test_a_node_that_joins_is_neither_starved_nor_flooded() -> None:
    joined = verdict("adaptive", "chat", circumstances(USUAL)["a medium node joins"], seed=1)
    usual = verdict("adaptive", "chat", seed=1)
    assert 0.75 <= joined.shares["medium"] / usual.shares["medium"] <= 1.05
