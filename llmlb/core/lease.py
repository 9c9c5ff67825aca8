"""A lease: the claim of one request on one node, from the choice to the last byte."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from llmlb.core.choice import InferenceRequest, Reason
from llmlb.core.node import Node
from llmlb.errors import Fault


class OutcomeKind(StrEnum):
    """How a request on a node ended."""

    ANSWERED = "answered"
    """A complete answer, or a 4xx that is the client's own."""
    FAILED = "failed"
    """An error or a broken answer."""
    UNREACHABLE = "unreachable"
    """The node did not take the connection: nothing was sent."""
    BUSY = "busy"
    """The node said that it has no room; it rests, its circuit is not charged."""
    CANCELLED = "cancelled"
    """The client went away."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended and whose fault it was. Durations in seconds from the dispatch to this node.

    rest_s: how long a busy node asked to be left alone.
    """

    kind: OutcomeKind
    fault: Fault | None = None
    total_s: float = 0.0
    ttft_s: float | None = None
    rest_s: float = 0.0
    error: str = ""

    @classmethod
    def cancelled(cls) -> Outcome:
        return cls(OutcomeKind.CANCELLED)


class LeaseState(StrEnum):
    HELD = "held"
    RELEASED = "released"


@dataclass(slots=True, eq=False)
class Lease:
    """Taken in the same step as the choice; released exactly once, by ``Balancer.settle``."""

    node: Node
    request: InferenceRequest
    reason: Reason
    dispatched_at_s: float
    queue_s: float = 0.0
    is_probe: bool = False
    state: LeaseState = LeaseState.HELD

    @property
    def is_held(self) -> bool:
        return self.state is LeaseState.HELD
