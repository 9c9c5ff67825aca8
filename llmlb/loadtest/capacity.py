"""Finds the highest rate a fleet can take: doubles until it is too much, then halves the bracket. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llmlb.loadtest.plan import CapacitySearch
from llmlb.loadtest.record import Record

MAX_STEPS = 40
MIN_POINTS = 20
MIN_REQUESTS = 10
"""A step is made longer until its rate brings as many."""

_LOWEST = 8
"""Below this part of the first rate the search gives up: what fails there fails for another reason than load."""

_T_LIMIT = 3.0
"""A slope this many standard errors above zero is no accident (one-sided p < 0.002)."""

_RISE_LIMIT = 0.5
"""... and counts only if it raises the latency by half of its median within the step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rate that was tried. saturated: the latency kept rising, so a longer step would have failed."""

    rate_per_s: float
    requests: int
    good_share: float
    saturated: bool
    passed: bool


@dataclass(frozen=True, slots=True)
class Capacity:
    """The result of a search. rate_per_s: the highest rate that passed, None if none did."""

    rate_per_s: float | None
    upper_per_s: float | None
    steps: tuple[Step, ...]


class Search:
    """Decides the next rate from the steps so far."""

    def __init__(self, wanted: CapacitySearch) -> None:
        self._wanted = wanted
        self._steps: list[Step] = []

    @property
    def next_rate(self) -> float | None:
        """The rate to try next; None when the bracket is narrow enough or nothing is left to try."""
        low, high = self._bracket()
        if len(self._steps) >= MAX_STEPS:
            return None
        if low is None and high is None:
            return self._wanted.start_per_s
        if high is None:
            return low * 2 if low is not None else None
        if low is None:
            return high / 2 if high > self._wanted.start_per_s / _LOWEST else None
        return None if high - low <= self._wanted.tolerance * low else (low + high) / 2

    def observe(self, rate_per_s: float, *, requests: int, good_share: float, saturated: bool) -> Step:
        """Notes what a step brought."""
        passed = requests > 0 and good_share >= self._wanted.good_share and not saturated
        step = Step(rate_per_s, requests, good_share, saturated, passed)
        self._steps.append(step)
        return step

    def result(self) -> Capacity:
        low, high = self._bracket()
        return Capacity(low, high, tuple(self._steps))

    def _bracket(self) -> tuple[float | None, float | None]:
        failed = [step.rate_per_s for step in self._steps if not step.passed]
        high = min(failed, default=None)
        passed = [s.rate_per_s for s in self._steps if s.passed and (high is None or s.rate_per_s < high)]
        return max(passed, default=None), high


def is_saturated(records: Sequence[Record]) -> bool:
    """Whether the response time kept growing over the step: the backlog of a load that is too high.

    Least-squares slope of the time to first token (else the whole time) over the scheduled start, tested against
    its standard error.
    """
    points = [
        (record.scheduled_at_s, record.ttft_s if record.ttft_s is not None else record.e2e_s)
        for record in records
        if record.ending.is_ok
    ]
    if len(points) < MIN_POINTS:
        return False
    slope, error = _slope([x for x, _ in points], [y for _, y in points])
    span_s = max(x for x, _ in points) - min(x for x, _ in points)
    median_s = sorted(y for _, y in points)[len(points) // 2]
    return slope > _T_LIMIT * error and slope * span_s > _RISE_LIMIT * median_s


def _slope(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """The slope and its standard error."""
    count = len(xs)
    mean_x, mean_y = math.fsum(xs) / count, math.fsum(ys) / count
    spread = math.fsum((x - mean_x) ** 2 for x in xs)
    if spread == 0:
        return 0.0, math.inf
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    rest = math.fsum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    return slope, math.sqrt(rest / (count - 2) / spread)
