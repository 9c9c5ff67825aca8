"""A lease: the claim of one request on one node, from the choice to the last byte."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from llmlb.core.choice import Cost, InferenceRequest, Policy, Reason
from llmlb.core.lineup import Lineup
from llmlb.core.node import Node


class LeaseState(StrEnum):
    HELD = "held"
    RELEASED = "released"


class Lease(Struct, eq=False):
    """Taken in the same step as the choice; released exactly once, by ``Balancer.settle``.

    policies: who was told of the dispatch, and will be told of the end, even if the mode changes in between.
    lineup: how the nodes of the model stood when this one was chosen.
    """

    node: Node
    request: InferenceRequest
    reason: Reason
    dispatched_at_s: float
    policies: tuple[Policy, ...] = ()
    costs: tuple[Cost, ...] = ()
    lineup: Lineup | None = None
    queue_s: float = 0.0
    is_probe: bool = False
    state: LeaseState = LeaseState.HELD
