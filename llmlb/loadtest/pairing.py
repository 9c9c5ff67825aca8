"""Paired comparison: the same prompt to both sides, so that differences are not those of the prompts. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from llmlb.loadtest.percentiles import RESAMPLES, Sample
from llmlb.loadtest.record import Record

METRICS: dict[str, Callable[[Record], float | None]] = {
    "ttft_service": lambda record: record.ttft_service_s,
    "tpot": lambda record: record.tpot_s,
    "e2e_service": lambda record: record.e2e_service_s,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Target less opponent for one metric, in seconds. interval: 95 % bootstrap interval of the median."""

    metric: str
    values: Sample = field(repr=False)
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """All pairs of a run. dropped: pairs in which a side failed; misrouted: pairs that went to another node."""

    pairs: int
    dropped: int
    misrouted: int
    differences: tuple[Difference, ...]

    def of(self, metric: str) -> Sample:
        """The differences of one metric."""
        return next(difference.values for difference in self.differences if difference.metric == metric)


def pairing(records: Iterable[Record], *, pins: Mapping[int, str], seed: int) -> Pairing:
    """Pairs the records up.

    pins: per opposing arm the node that the target was asked to use; a pair whose target answer came from another
    node compares nothing and is left out.
    """
    halves: dict[int, dict[int, Record]] = {}
    for record in records:
        if record.label.pair >= 0 and not record.label.warm_up:
            halves.setdefault(record.label.pair, {})[min(record.label.arm, 1)] = record
    whole = [(pair[0], pair[1]) for pair in halves.values() if len(pair) == 2]
    answered = [(ours, theirs) for ours, theirs in whole if ours.ending.is_ok and theirs.ending.is_ok]
    matched = [
        (ours, theirs)
        for ours, theirs in answered
        if not (pin := pins.get(theirs.label.arm, "")) or ours.routing.node == pin
    ]
    rng = random.Random(f"pairs {seed}")
    return Pairing(
        pairs=len(matched),
        dropped=len(whole) - len(answered),
        misrouted=len(answered) - len(matched),
        differences=tuple(_difference(metric, matched, rng) for metric in METRICS),
    )


def _difference(metric: str, matched: list[tuple[Record, Record]], rng: random.Random) -> Difference:
    read = METRICS[metric]
    values = Sample(
        ours_s - theirs_s
        for ours, theirs in matched
        if (ours_s := read(ours)) is not None and (theirs_s := read(theirs)) is not None
    )
    interval = values.interval(50, rng, resamples=RESAMPLES) if values.carries(50) else None
    return Difference(metric, values, interval)
