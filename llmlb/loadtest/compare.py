"""Whether two saved runs differ, and by how much. Pure; chance is seeded.

A difference is told from noise by the bootstrap interval of the ratio of two percentiles; the Mann-Whitney test says
whether the two samples come from one distribution at all.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from llmlb.loadtest.percentiles import RESAMPLES, Sample

PERCENTILES = (50.0, 90.0, 99.0)
METRICS = ("ttft", "tpot", "e2e")


class Change(StrEnum):
    """What became of a figure."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "no difference"


@dataclass(frozen=True, slots=True)
class Row:
    """One percentile of one metric. before, after: ms.  change: relative, 0.1 is 10 % more; interval: 95 %."""

    metric: str
    q: float
    before: float
    after: float
    change: float
    interval: tuple[float, float]

    @property
    def verdict(self) -> Change:
        """Less time is better; an interval that spans zero is no difference."""
        low, high = self.interval
        if low > 0:
            return Change.WORSE
        return Change.BETTER if high < 0 else Change.SAME


@dataclass(frozen=True, slots=True)
class Run:
    """One side of a comparison, as a saved file has it. config: what must be alike.  nodes: their names."""

    name: str
    samples: Mapping[str, Sample]
    scheduled: int
    failed: int
    config: Mapping[str, object]
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """after against before. p_values: by metric, of both being one distribution.  errors: share before and after.

    errors_verdict: whether the share of failures changed beyond chance.
    """

    before: str
    after: str
    rows: tuple[Row, ...]
    p_values: Mapping[str, float]
    errors: tuple[float, float]
    errors_verdict: Change
    unlike: tuple[str, ...]

    def is_worse(self, by: float) -> bool:
        """Whether a figure is worse by more than ``by`` (0.1 is 10 %) beyond chance, or failures became more."""
        slower = any(row.verdict is Change.WORSE and row.change > by for row in self.rows)
        return slower or self.errors_verdict is Change.WORSE


def compare(before: Run, after: Run, *, seed: int = 1) -> Comparison:
    """Compares two runs; which settings are unlike is told, not judged."""
    rng = random.Random(f"compare {seed}")
    rows = []
    p_values = {}
    for metric in METRICS:
        a, b = before.samples[metric], after.samples[metric]
        rows += [_row(metric, q, a, b, rng) for q in PERCENTILES if a.carries(q) and b.carries(q)]
        if len(a) and len(b):
            p_values[metric] = mann_whitney_p(list(a), list(b))
    return Comparison(
        before=before.name,
        after=after.name,
        rows=tuple(rows),
        p_values=p_values,
        errors=(_share(before), _share(after)),
        errors_verdict=_errors_verdict(before, after),
        unlike=unlike(before, after),
    )


def unlike(before: Run, after: Run) -> tuple[str, ...]:
    """The settings in which the runs differ; ``nodes`` where both know theirs."""
    names = sorted({*before.config, *after.config})
    differing = [name for name in names if before.config.get(name) != after.config.get(name)]
    if before.nodes and after.nodes and set(before.nodes) != set(after.nodes):
        differing.append("nodes")
    return tuple(differing)


def mann_whitney_p(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p-value that both come from one distribution; ties and infinities allowed.

    Normal approximation with tie and continuity corrections, good from about 8 values a side.
    Source: Mann & Whitney 1947; Lehmann, Nonparametrics, section 1.2.
    """
    ordered_a, ordered_b = sorted(a), sorted(b)
    n_a, n_b = len(a), len(b)
    if not n_a or not n_b:
        raise ValueError("both samples need values")
    u = sum((bisect_left(ordered_b, x) + bisect_right(ordered_b, x)) / 2 for x in ordered_a)
    both = sorted(ordered_a + ordered_b)
    ties = 0.0
    position = 0
    while position < len(both):
        end = bisect_right(both, both[position])
        ties += (end - position) ** 3 - (end - position)
        position = end
    total = n_a + n_b
    variance = n_a * n_b / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    distance = max(0.0, abs(u - n_a * n_b / 2) - 0.5)
    return math.erfc(distance / math.sqrt(variance) / math.sqrt(2))


def _row(metric: str, q: float, a: Sample, b: Sample, rng: random.Random) -> Row:
    changes = sorted(_change(a.resampled(q, rng), b.resampled(q, rng)) for _ in range(RESAMPLES))
    interval = changes[int(RESAMPLES * 0.025)], changes[int(RESAMPLES * 0.975)]
    before, after = a.percentile(q), b.percentile(q)
    return Row(metric, q, before, after, _change(before, after), interval)


def _change(before: float, after: float) -> float:
    """Relative change; equal infinities and zeros are no change."""
    if before == after:
        return 0.0
    if math.isinf(after) or before == 0:
        return math.inf
    return -1.0 if math.isinf(before) else after / before - 1


def _share(run: Run) -> float:
    return run.failed / run.scheduled if run.scheduled else 0.0


def _errors_verdict(before: Run, after: Run) -> Change:
    """Two-proportion z-test at 5 %."""
    total = before.scheduled + after.scheduled
    if not before.scheduled or not after.scheduled:
        return Change.SAME
    pooled = (before.failed + after.failed) / total
    error = math.sqrt(pooled * (1 - pooled) * (1 / before.scheduled + 1 / after.scheduled))
    difference = _share(after) - _share(before)
    if error == 0 or abs(difference) <= 1.96 * error:
        return Change.SAME
    return Change.WORSE if difference > 0 else Change.BETTER
