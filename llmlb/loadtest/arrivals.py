"""When requests of an open loop start: a schedule that does not wait for answers. Pure; chance is an argument.

All patterns draw from a process of mean one event per unit and are bent by the rate over time, so that constant,
Poisson and bursty arrivals follow the same stages and ramps.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never


@dataclass(frozen=True, slots=True)
class Constant:
    """Equal gaps."""


@dataclass(frozen=True, slots=True)
class Gamma:
    """Gaps from a gamma distribution. cv: their coefficient of variation; 1 is Poisson, above is bursty.

    Measured traces: 1.1 (chat) to 13 (code completion). Source: shape 1/cv**2, as in published LLM traces.
    """

    cv: float = 1.0


@dataclass(frozen=True, slots=True)
class Burst:
    """``size`` requests at once, every ``every_s`` seconds; the stages' rates only say how long."""

    size: int
    every_s: float


Pattern = Constant | Gamma | Burst


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of time whose rate runs linearly from ``from_per_s`` to ``to_per_s``; endless with an even rate."""

    duration_s: float
    from_per_s: float
    to_per_s: float

    @property
    def expected(self) -> float:
        """Mean number of arrivals."""
        return self.duration_s * (self.from_per_s + self.to_per_s) / 2

    @property
    def name(self) -> str:
        """``8/s for 30 s``, ``2 to 8/s for 10 s``."""
        ramp = f"{self.from_per_s:g} to " if self.from_per_s != self.to_per_s else ""
        length = f" for {self.duration_s:g} s" if math.isfinite(self.duration_s) else ""
        return f"{ramp}{self.to_per_s:g}/s{length}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """at_s: since the start of the schedule.  stage: index of the stage it falls into."""

    at_s: float
    stage: int


def arrivals(
    pattern: Pattern, stages: Sequence[Stage], rng: random.Random, *, limit: int | None = None
) -> Iterator[Arrival]:
    """The instants in order, at most ``limit`` of them; the same for the same state of ``rng``."""
    schedule = _bursts(pattern, stages) if isinstance(pattern, Burst) else _bent(pattern, stages, rng)
    return itertools.islice(schedule, limit)


def evenly(count: int, duration_s: float, rng: random.Random) -> Iterator[Arrival]:
    """A Poisson process that brings exactly ``count`` arrivals: a short stretch then has the rate it is tried for.

    Source: Ross, Stochastic Processes, theorem 2.3.1: given their number, arrivals are ordered uniform draws.
    """
    return (Arrival(at_s, 0) for at_s in sorted(rng.uniform(0, duration_s) for _ in range(count)))


def _bent(pattern: Constant | Gamma, stages: Sequence[Stage], rng: random.Random) -> Iterator[Arrival]:
    """Walks the unit process along the cumulative rate and inverts it stage by stage."""
    stage_start_s, passed = 0.0, 0.0
    target = _gap(pattern, rng, first=True)
    for index, stage in enumerate(stages):
        # The last instant of a stage belongs to the next one: ten arrivals in 10 s at 1/s, not eleven.
        while target - passed < stage.expected - 1e-9:
            yield Arrival(stage_start_s + _moment(stage, target - passed), index)
            target += _gap(pattern, rng, first=False)
        passed += stage.expected
        stage_start_s += stage.duration_s


def _gap(pattern: Constant | Gamma, rng: random.Random, *, first: bool) -> float:
    match pattern:
        case Constant():
            return 0.0 if first else 1.0
        case Gamma(cv):
            shape = 1 / cv**2
            return rng.gammavariate(shape, 1 / shape)
        case _:
            assert_never(pattern)


def _moment(stage: Stage, count: float) -> float:
    """When ``count`` arrivals are due since the stage's start: the root of the integrated linear rate."""
    if count <= 0:
        return 0.0
    if stage.from_per_s == stage.to_per_s:
        return count / stage.from_per_s
    slope = (stage.to_per_s - stage.from_per_s) / stage.duration_s
    end_per_s = math.sqrt(max(0.0, stage.from_per_s**2 + 2 * slope * count))
    return min(stage.duration_s, 2 * count / (stage.from_per_s + end_per_s))


def _bursts(pattern: Burst, stages: Sequence[Stage]) -> Iterator[Arrival]:
    end_s = sum(stage.duration_s for stage in stages)
    ends_s = [sum(stage.duration_s for stage in stages[: i + 1]) for i in range(len(stages))]
    number = 0
    while (at_s := number * pattern.every_s) < end_s:
        stage = next(i for i, stage_end_s in enumerate(ends_s) if at_s < stage_end_s)
        for _ in range(pattern.size):
            yield Arrival(at_s, stage)
        number += 1
