"""What each built-in policy chooses and why, and what every policy must keep."""

from __future__ import annotations

from collections import Counter

import pytest
from fakes.fleet import MODEL, FleetKit
from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.choice import Policy, Reason
from llmlb.core.load import Thresholds
from llmlb.policies import POLICIES
from llmlb.policies.round_robin import RoundRobinPolicy


def test_thirty_requests_over_three_equal_idle_nodes_land_ten_each() -> None:
    kit = FleetKit()
    for name in "abc":
        kit.node(name)
    assert Counter(kit.take().node.id for _ in range(30)) == {"a": 10, "b": 10, "c": 10}


def test_fewest_active_wins_before_score_and_gpu() -> None:
    kit = FleetKit()
    kit.node("strong", score=9000, active=1)
    kit.node("idle", score=1, gpu=70.0)
    lease = kit.take()
    assert (lease.node.id, lease.reason) == ("idle", Reason.LEAST_ACTIVE)


def test_equal_load_goes_to_the_higher_score() -> None:
    kit = FleetKit()
    kit.node("weak", score=10)
    kit.node("strong", score=20, gpu=60.0)
    lease = kit.take()
    assert (lease.node.id, lease.reason) == ("strong", Reason.HIGHEST_CAPABILITY)


def test_scores_that_an_operator_gave_beyond_the_usual_range_still_differ() -> None:
    kit = FleetKit()
    kit.node("large", score=12_000)
    kit.node("larger", score=50_000)
    lease = kit.take()
    assert (lease.node.id, lease.reason) == ("larger", Reason.HIGHEST_CAPABILITY)


def test_equal_load_and_score_go_to_the_cooler_gpu() -> None:
    kit = FleetKit()
    kit.node("warm", gpu=45.5)
    kit.node("cool", gpu=20.0)
    lease = kit.take()
    assert (lease.node.id, lease.reason) == ("cool", Reason.LOWEST_GPU)


def test_full_equals_take_turns() -> None:
    kit = FleetKit()
    for name in "abc":
        kit.node(name)
    chosen = []
    for _ in range(6):
        lease = kit.take()
        chosen.append(lease.node.id)
        assert lease.reason is Reason.ROUND_ROBIN
        kit.settle(lease)
    assert chosen[:3] == chosen[3:]
    assert set(chosen) == {"a", "b", "c"}


@pytest.mark.parametrize(("gpu", "vram"), [(81.0, 10.0), (10.0, 91.0)])
def test_a_node_over_a_threshold_is_passed_over(gpu: float, vram: float) -> None:
    kit = FleetKit()
    kit.node("hot", gpu=gpu, vram=vram, score=9000)
    kit.node("fine", score=1)
    assert {kit.take().node.id for _ in range(10)} == {"fine"}


def test_exactly_at_the_threshold_is_within_it() -> None:
    kit = FleetKit()
    kit.node("edge", gpu=80.0, vram=90.0, score=9000)
    kit.node("fine", score=1)
    assert kit.take().node.id == "edge"


def test_a_node_with_more_active_requests_than_the_threshold_is_passed_over_for_an_unmeasured_one() -> None:
    kit = FleetKit()
    kit.node("busy", active=11)
    kit.node("dark", gpu=None)
    lease = kit.take()
    assert (lease.node.id, lease.reason) == ("dark", Reason.NO_METRICS_FALLBACK)


def test_everybody_over_a_threshold_takes_turns() -> None:
    kit = FleetKit()
    for name in "abc":
        kit.node(name, gpu=99.0)
    leases = [kit.take() for _ in range(6)]
    assert {lease.reason for lease in leases} == {Reason.OVERLOADED_FALLBACK}
    assert Counter(lease.node.id for lease in leases) == {"a": 2, "b": 2, "c": 2}


def test_figures_older_than_three_intervals_no_longer_count() -> None:
    kit = FleetKit()
    dark = kit.node("dark")
    kit.node("other")
    for _ in range(10):
        kit.pass_time(10)
        kit.beat(dark, gpu=None)
        kit.beat(kit.fleet.get(kit.take().node.id) or dark)
    kit.now_s += 1
    assert not dark.has_fresh_figures(kit.now_s)


def test_a_changed_threshold_works_at_once() -> None:
    kit = FleetKit()
    kit.node("warm", gpu=60.0, score=9000)
    kit.node("cool", gpu=20.0, score=1)
    assert kit.take().node.id == "warm"
    kit.fleet.set_thresholds(Thresholds(gpu_percent=50.0), kit.now_s)
    assert {kit.take().node.id for _ in range(5)} == {"cool"}


def test_no_two_models_share_a_rotation() -> None:
    kit = FleetKit(policy=RoundRobinPolicy())
    for name in "ab":
        kit.node(name, models=("x", "y"))
    assert [kit.take("x").node.id, kit.take("y").node.id] == ["a", "a"]
    assert [kit.take("x").node.id, kit.take("y").node.id] == ["b", "b"]


def test_a_retry_goes_elsewhere() -> None:
    kit = FleetKit()
    for name in "abc":
        kit.node(name)
    for tried in (("a",), ("a", "b")):
        lease = kit.take(tried=tried)
        assert lease.node.id not in tried
        assert lease.reason is Reason.RETRY


@pytest.mark.parametrize("mode", sorted(POLICIES))
@given(
    loads=st.lists(
        st.tuples(st.sampled_from([None, 5.0, 95.0]), st.integers(0, 15), st.integers(0, 10_000)),
        min_size=1,
        max_size=8,
    )
)
def test_every_policy_chooses_a_candidate_and_leaves_them_as_they_were(
    mode: str, loads: list[tuple[float | None, int, int]]
) -> None:
    check_policy(POLICIES[mode](), loads)


def check_policy(policy: Policy, loads: list[tuple[float | None, int, int]]) -> None:
    """The contract of a policy; run it over your own."""
    kit = FleetKit(policy=policy)
    for index, (gpu, active, score) in enumerate(loads):
        kit.node(f"n{index}", gpu=gpu, active=active, score=score)
    before = {node.id: (node.active, node.figures, node.score) for node in kit.fleet}
    leases = [kit.take() for _ in range(20)]
    assert {lease.node.id for lease in leases} <= set(kit.names(MODEL))
    for lease in leases:
        assert isinstance(lease.reason, Reason)
        kit.settle(lease)
    assert {node.id: (node.active, node.figures, node.score) for node in kit.fleet} == before
