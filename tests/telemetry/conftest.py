"""A small fleet to look at, without sockets and without a clock."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from llmlb.core.balancer import Balancer, QueueRules
from llmlb.core.fleet import Fleet, FleetRules
from llmlb.core.load import Thresholds
from llmlb.core.node import Beat, Figures, Node, NodeId, Profile
from llmlb.policies import POLICIES

NOW_S = 1_000.0
UNIX_S = 1_800_000_000.0


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(rules=FleetRules(), thresholds=Thresholds(), rng=Random(1))


@pytest.fixture
def balancer(fleet: Fleet) -> Balancer:
    return Balancer(fleet, POLICIES["metrics"](), queue_rules=QueueRules(), aliases={}, rng=Random(1))


@pytest.fixture
def add_node(fleet: Fleet) -> Callable[..., Node]:
    """Registers a node, approves it and lets it beat at ``NOW_S``."""

    def add(node_id: str = "node-1", *, models: tuple[str, ...] = ("llama",), approved: bool = True) -> Node:
        beat = Beat(figures=Figures(45.5, 78.25, temperature_c=65.0), loaded_models=models)
        node, _ = fleet.register(NodeId(node_id), Profile(url=f"http://{node_id}:1"), Beat(), NOW_S - 1)
        fleet.beat(node, beat, now_s=NOW_S, unix_s=UNIX_S)
        if approved:
            fleet.approve(node, NOW_S)
        return node

    return add
