"""What a load test shall do: which requests, when, and what counts as good. Pure data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from llmlb.loadtest.arrivals import Burst, Constant, Gamma, Pattern, Stage
from llmlb.loadtest.exchange import Deadlines
from llmlb.loadtest.gates import Gate
from llmlb.loadtest.prompts import PromptPlan, ShortChats
from llmlb.loadtest.traces import TraceEntry


class Endpoint(StrEnum):
    """The API that is called."""

    CHAT = "chat"
    COMPLETIONS = "completions"

    @property
    def path(self) -> str:
        return "/v1/chat/completions" if self is Endpoint.CHAT else "/v1/completions"


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """``users`` at once; each sends its next request when its last one has ended.

    requests: how many in all, None for as many as fit into ``duration_s``.  ramp_s: the users join over this time.
    think_s: pause of a user between answer and next request.
    """

    users: int
    requests: int | None = None
    duration_s: float | None = None
    ramp_s: float = 0.0
    think_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Requests by a schedule, whether earlier ones were answered or not.

    stages: the last one may be endless where ``limit`` ends it.  warm_up_stages: the first ones, sent but not counted.
    limit: at most so many requests.  max_in_flight: at most so many at once, None for no cap; a request that
    waits for a slot keeps its scheduled start, so the wait is part of its latency.
    """

    pattern: Pattern
    stages: tuple[Stage, ...]
    limit: int | None = None
    max_in_flight: int | None = None
    warm_up_stages: int = 0

    @property
    def counted_stages(self) -> tuple[Stage, ...]:
        return self.stages[self.warm_up_stages :]


@dataclass(frozen=True, slots=True)
class TraceReplay:
    """A recorded trace. speed: 2 replays it in half the time."""

    entries: tuple[TraceEntry, ...] = field(repr=False)
    speed: float = 1.0
    max_in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Conversations: each turn carries the earlier turns and the real answers to them.

    users: conversations held at once.
    """

    sessions: int
    turns: int
    users: int
    think_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Pairs:
    """The same prompt to both sides, in random order, one pair after the other per user."""

    pairs: int
    users: int = 1


@dataclass(frozen=True, slots=True)
class Sweep:
    """One closed loop after the other. requests: per step, unless ``duration_s`` is given."""

    users: tuple[int, ...]
    requests: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class CapacitySearch:
    """Finds the highest rate at which enough requests are good.

    start_per_s: first rate tried.  step_s: least length of each try.  good_share: what must be good.  tolerance: stop
    when the bracket is this narrow, as a share of the rate.
    """

    start_per_s: float = 1.0
    step_s: float = 30.0
    good_share: float = 0.95
    tolerance: float = 0.05
    max_in_flight: int | None = None


Load = ClosedLoop | OpenLoop | TraceReplay | Sessions | Pairs | Sweep | CapacitySearch


@dataclass(frozen=True, slots=True)
class Tenant:
    """One of several keys that share the load.

    weight: how many users of a closed loop it has, or its part of the rate of an open one.
    """

    name: str
    weight: float


@dataclass(frozen=True, slots=True)
class Slo:
    """What makes an answered request a good one, in seconds; None where there is no demand."""

    ttft_s: float | None = None
    tpot_s: float | None = None
    e2e_s: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One load test.

    model: empty for the only or first model the target lists.  max_tokens: per answer, unless the prompt says
    otherwise.  ignore_eos: ask the engine to write exactly ``max_tokens`` (llama.cpp, vLLM and SGLang do).
    warm_up: requests sent before the measurement.  cancel_share: share of requests hung up after their first
    token.  seed: the same seed gives the same prompts, order and schedule.  weights: expected share per node.
    tenants: whose keys the requests carry in turn, none for one key.
    """

    load: Load = ClosedLoop(users=30, requests=30)
    prompts: PromptPlan = field(default_factory=ShortChats)
    model: str = ""
    endpoint: Endpoint = Endpoint.CHAT
    streamed: bool = True
    max_tokens: int = 64
    ignore_eos: bool = False
    deadlines: Deadlines = field(default_factory=Deadlines)
    warm_up: int = 0
    cancel_share: float = 0.0
    checks_usage: bool = False
    seed: int = 1
    slo: Slo = Slo()
    gates: tuple[Gate, ...] = ()
    weights: tuple[tuple[str, float], ...] = ()
    tenants: tuple[Tenant, ...] = ()


def extent(load: Load) -> tuple[int | None, float | None]:
    """How far a load goes, for a progress bar: requests, seconds; None where it does not say."""
    match load:
        case ClosedLoop(requests=requests, duration_s=duration_s) | Sweep(requests=requests, duration_s=duration_s):
            return requests, duration_s
        case OpenLoop(stages=stages, limit=limit):
            planned_s = sum(stage.duration_s for stage in stages)
            return limit, planned_s if math.isfinite(planned_s) else None
        case TraceReplay(entries=entries, speed=speed):
            return len(entries), entries[-1].at_s / speed
        case Sessions():
            return load.sessions * load.turns, None
        case Pairs():
            return load.pairs * 2, None
        case CapacitySearch():
            return None, None
        case _:
            assert_never(load)


def is_scheduled(load: Load) -> bool:
    """Whether requests start by a schedule instead of by earlier answers."""
    return isinstance(load, OpenLoop | TraceReplay | CapacitySearch)


def describe(load: Load) -> str:
    """The load in a few words, for the head of a report."""
    match load:
        case ClosedLoop():
            return f"closed loop, {_amount(load.requests, load.duration_s)}, {load.users} at once"
        case OpenLoop():
            return f"open loop, {_pattern(load.pattern)}{_stages(load)}{_cap(load.max_in_flight)}"
        case TraceReplay():
            count = len(load.entries)
            return f"trace replay, {count} requests at speed {load.speed:g}{_cap(load.max_in_flight)}"
        case Sessions():
            return f"{load.sessions} sessions of {load.turns} turns, {load.users} at once, {load.think_s:g} s think"
        case Pairs():
            return f"{load.pairs} pairs, {load.users} at once"
        case Sweep():
            steps = " ".join(str(users) for users in load.users)
            return f"sweep over {steps} users, {_amount(load.requests, load.duration_s)} each"
        case CapacitySearch():
            return f"search for the capacity, steps of {load.step_s:g} s, {load.good_share:.0%} good"
        case _:
            assert_never(load)


def _amount(requests: int | None, duration_s: float | None) -> str:
    parts = [f"{requests} requests" if requests is not None else "", f"{duration_s:g} s" if duration_s else ""]
    return " within ".join(part for part in parts if part)


def _pattern(pattern: Pattern) -> str:
    match pattern:
        case Constant():
            return "constant"
        case Gamma(cv):
            return "Poisson" if cv == 1 else f"gamma with CV {cv:g}"
        case Burst(size, every_s):
            return f"{size} at once each {every_s:g} s"
        case _:
            assert_never(pattern)


def _stages(load: OpenLoop) -> str:
    if isinstance(load.pattern, Burst):
        return f" for {load.stages[-1].duration_s:g} s" if load.limit is None else f", {load.limit} requests"
    return "".join(f", {stage.name}" for stage in load.counted_stages)


def _cap(max_in_flight: int | None) -> str:
    return f", at most {max_in_flight} in flight" if max_in_flight else ""
