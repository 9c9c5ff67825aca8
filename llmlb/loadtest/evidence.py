"""What gates are held against, at the end of a run and while it is going on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmlb.loadtest.honesty import Honesty
from llmlb.loadtest.pairing import Pairing, pairing
from llmlb.loadtest.percentiles import Sample
from llmlb.loadtest.plan import Pairs, Plan, Slo, Tenant, is_scheduled
from llmlb.loadtest.record import Record
from llmlb.loadtest.results import Summary, summarise


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The part of a plan that its records are measured with."""

    slo: Slo
    seed: int
    on_schedule: bool
    is_paired: bool
    streamed: bool
    weights: tuple[tuple[str, float], ...]
    tenants: tuple[Tenant, ...]

    @staticmethod
    def of(plan: Plan) -> Yardstick:
        return Yardstick(
            slo=plan.slo,
            seed=plan.seed,
            on_schedule=is_scheduled(plan.load),
            is_paired=isinstance(plan.load, Pairs),
            streamed=plan.streamed,
            weights=plan.weights,
            tenants=plan.tenants,
        )

    def measure(self, records: Sequence[Record], nodes: Sequence[str]) -> Summary:
        """The figures of some records. nodes: those that could have served them."""
        return summarise(
            records,
            slo=self.slo,
            seed=self.seed,
            on_schedule=self.on_schedule,
            weights=dict(self.weights) or None,
            nodes=nodes,
            tenants=self.tenants,
        )

    def pair(self, records: Sequence[Record], pins: Mapping[int, str]) -> Pairing | None:
        """The paired differences of a run that has two sides. pins: per opposing arm the node it is."""
        return pairing(records, pins=pins, seed=self.seed) if self.is_paired else None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What gates are held against. overhead: of a paired comparison, in seconds; None outside of one."""

    records: Sequence[Record]
    summary: Summary
    honesty: Honesty
    yardstick: Yardstick
    overhead: Sample | None = None


def overhead_of(found: Pairing | None, yardstick: Yardstick) -> Sample | None:
    """What the router adds: the paired difference of the first token, or of the whole where nothing is streamed."""
    return found.of("ttft_service" if yardstick.streamed else "e2e_service") if found else None
