"""The circumstances of a run: what the router is told, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scores(StrEnum):
    """What nodes report as their capability score."""

    CAPACITY = "capacity"
    """In proportion to what they can carry of this workload: better than any score that a fleet really has."""
    EQUAL = "equal"
    UNKNOWN = "unknown"


class Telling(StrEnum):
    """What the router learns from an answer about its tokens."""

    USAGE = "usage"
    """Prompt, cached and completion tokens, as engines report them."""
    TIMINGS = "timings"
    """Also the engine's own times, as llama.cpp reports them."""
    COUNTED = "counted"
    """A stream without usage: content events were counted."""


class IncidentKind(StrEnum):
    SLOWS = "slows"
    JOINS = "joins"
    DIES = "dies"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happens to a node, by its place in the fleet. at: share of the time from first to last arrival.

    slowness: how many times longer its steps take from then on (SLOWS).  A node that JOINS is not there before.
    """

    kind: IncidentKind
    node: int
    at: float
    slowness: float = 10.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """load: offered rate over the fleet's capacity.

    slots_known: nodes report how many sequences they decode together, and the router queues beyond that.
    bytes_per_token: of the text; routers guess 4.  scatter: the text of each request is up to so many times longer
    or shorter.
    admission: requests carry their objective, so a policy may refuse those that nobody could answer in time.
    """

    load: float = 0.8
    heartbeat_s: float = 30.0
    scores: Scores = Scores.CAPACITY
    slots_known: bool = False
    bytes_per_token: float = 4.0
    scatter: float = 1.0
    telling: Telling = Telling.USAGE
    admission: bool = False
    incidents: tuple[Incident, ...] = ()
