"""Classes of nodes, the fleets made of them, and what a fleet can carry."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from benchmarks.sim.engine import Engine, NodeClass, Task
from benchmarks.sim.workload import Workload

FAST = NodeClass("fast", 20_000.0, 0.008, 0.000_05, 40e-9, 420_000, 128)
MEDIUM = NodeClass("medium", 7_000.0, 0.020, 0.000_10, 150e-9, 190_000, 64)
SLOW = NodeClass("slow", 3_000.0, 0.024, 0.000_20, 200e-9, 48_000, 16)
"""An 8B model at 16 bits on an 80 GB data-centre card, a 48 GB card, a 24 GB card. t2 is the key-value memory of a
token (131 kB) over the card's bandwidth; t0 is the weights (16 GB) over it."""


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """Which nodes there are."""

    name: str
    nodes: tuple[NodeClass, ...]

    def capacity(self, workload: Workload) -> float:
        """Requests a second that it can carry: load 1.0."""
        rates = self.rates(workload)
        return sum(rates[kind] for kind in self.nodes)

    def rates(self, workload: Workload) -> dict[NodeClass, float]:
        """Requests a second that a node of each class can carry."""
        return {kind: saturated_rate(kind, workload) for kind in dict.fromkeys(self.nodes)}


@lru_cache(maxsize=64)
def saturated_rate(kind: NodeClass, workload: Workload) -> float:
    """Requests a second that one node works off while it has as many as it can hold.

    Measured: all requests of the workload are there at once, nothing is shared between prompts, and the last twentieth
    is left out, in which the batch is no longer full.
    """
    engine = Engine(kind)
    for arrival in workload.arrivals:
        engine.submit(Task(replace(arrival, blocks=())), 0.0)
    ended, enough = 0, math.ceil(0.95 * len(workload.arrivals))
    now_s = 0.0
    while ended < enough:
        now_s = engine.next_at_s
        ended += len(engine.advance()[1])
    return ended / now_s


FLEETS = {
    plan.name: plan
    for plan in (
        FleetPlan("small", (FAST, MEDIUM, SLOW, SLOW)),
        FleetPlan("medium", (FAST,) * 2 + (MEDIUM,) * 4 + (SLOW,) * 10),
        FleetPlan("large", (FAST,) * 8 + (MEDIUM,) * 16 + (SLOW,) * 40),
        FleetPlan("homogeneous", (MEDIUM,) * 8),
    )
}
