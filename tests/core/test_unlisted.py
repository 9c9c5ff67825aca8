"""Models that no node lists: whose turn it is, and how much is kept of them."""

from __future__ import annotations

import pytest
from fakes.fleet import FleetKit
from hypothesis import given
from hypothesis import strategies as st

from llmlb.core import unlisted
from llmlb.core.unlisted import NodesForAny
from llmlb.policies.round_robin import RoundRobinPolicy


def served(kit: FleetKit, model: str) -> str:
    lease = kit.take(model)
    kit.settle(lease)
    return lease.node.id


def kit_of(*names: str) -> FleetKit:
    kit = FleetKit(policy=RoundRobinPolicy())
    for name in names:
        kit.node(name, models=None)
    return kit


def test_two_models_that_no_node_lists_do_not_take_each_others_turns() -> None:
    kit = kit_of("a", "b")
    turns = [(served(kit, "one"), served(kit, "two")) for _ in range(4)]
    for of_one_model in zip(*turns, strict=True):
        assert sorted(of_one_model) == ["a", "a", "b", "b"]


def test_models_asked_for_once_spread_over_the_nodes() -> None:
    kit = kit_of("a", "b", "c")
    assert sorted(served(kit, f"m{number}") for number in range(6)) == ["a", "a", "b", "b", "c", "c"]


def test_a_retry_goes_to_the_node_whose_turn_is_next() -> None:
    kit = kit_of("a", "b", "c")
    first = served(kit, "m")
    order = ["a", "b", "c"]
    follower = order[(order.index(first) + 1) % 3]
    assert kit.take("m", tried=(first,)).node.id == follower


def test_what_is_kept_of_models_that_clients_name_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlisted, "MAX_TURNS", 10)
    nodes = NodesForAny()
    nodes.put(kit_of("a").take("m").node)
    for number in range(100):
        nodes.as_of(f"m{number}").rotate()
    assert len(nodes._last) == 10


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=30))
def test_whoever_comes_and_goes_the_turns_hold_exactly_the_eligible(steps: list[tuple[str, bool]]) -> None:
    kit = kit_of("a", "b", "c", "d")
    for name, drains in steps:
        node = next(node for node in kit.fleet if node.id == name)
        (kit.fleet.drain if drains else kit.fleet.undrain)(node, kit.now_s)
        pool = kit.fleet.candidates("m")
        assert pool is not None
        eligible = sorted(node.id for node in kit.fleet if not node.draining)
        assert sorted(node.id for node in pool) == eligible
        assert sorted(pool.rotate().id for _ in eligible) == eligible
