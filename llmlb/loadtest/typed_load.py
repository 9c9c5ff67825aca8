"""Which kind of load was typed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from llmlb.errors import ConfigurationError
from llmlb.loadtest.arrivals import Burst, Constant, Gamma, Pattern, Stage
from llmlb.loadtest.plan import (
    CapacitySearch,
    ClosedLoop,
    Load,
    OpenLoop,
    Pairs,
    Sessions,
    Sweep,
    Tenant,
    TraceReplay,
    describe,
)
from llmlb.loadtest.quantities import number, share, steps
from llmlb.loadtest.traces import TraceEntry
from llmlb.loadtest.typed import Typed, at_least, optional_time_s, positive, time_s
from llmlb.loadtest.typed_tenants import users_of

DEFAULT_REQUESTS = 30
MAX_DEFAULT_USERS = 64


DEFAULT_TURNS = 4
DEFAULT_STEP_S = 30.0
DEFAULT_GOOD_SHARE = 0.95


def load_of(typed: Typed, trace: tuple[TraceEntry, ...] | None, tenants: tuple[Tenant, ...] = ()) -> Load:
    """The load that was asked for. Raises ConfigurationError for options that do not go together."""
    load = _shared(_load_of(typed, trace), typed, tenants) if tenants else _load_of(typed, trace)
    for option, is_typed, kinds in _BOUND_TO:
        if is_typed(typed) and not isinstance(load, kinds):
            raise ConfigurationError(f"{option} has no meaning for this kind of load ({describe(load)}); leave it out")
    return load


def _load_of(typed: Typed, trace: tuple[TraceEntry, ...] | None) -> Load:
    kinds = {
        "--rate, --stages or --arrivals": bool(typed.rate is not None or typed.stages or typed.arrivals),
        "--sweep": bool(typed.sweep),
        "--find-capacity": typed.find_capacity,
        "--trace": trace is not None,
        "--sessions": typed.sessions is not None,
        "--vs or two --policy": typed.paired,
    }
    if typed.find_capacity and typed.rate is not None and not typed.stages and not typed.arrivals:
        kinds["--rate, --stages or --arrivals"] = False  # there it is the first rate to try
    asked = [name for name, is_asked in kinds.items() if is_asked]
    if len(asked) > 1:
        raise ConfigurationError(f"{' and '.join(asked)} are different kinds of load; choose one")
    match asked:
        case []:
            return _closed(typed)
        case ["--sweep"]:
            length_s = optional_time_s("--duration", typed.duration)
            requests = None if length_s is not None else positive("-n", typed.requests, DEFAULT_REQUESTS)
            return Sweep(users=steps(typed.sweep), requests=requests, duration_s=length_s)
        case ["--find-capacity"]:
            return _capacity(typed)
        case ["--trace"]:
            assert trace is not None
            speed = 1.0 if typed.speed is None else typed.speed
            if not 0 < speed <= 1e6:
                raise ConfigurationError("--speed must be more than 0, like 4 for four times as fast")
            return TraceReplay(entries=trace, speed=speed, max_in_flight=_cap(typed))
        case ["--sessions"]:
            sessions = positive("--sessions", typed.sessions, 1)
            users = positive("-c", typed.concurrency, min(sessions, MAX_DEFAULT_USERS))
            turns = positive("--turns", typed.turns, DEFAULT_TURNS)
            return Sessions(sessions=sessions, turns=turns, users=users, think_s=_think_s(typed))
        case ["--vs or two --policy"]:
            pairs = positive("-n", typed.requests, DEFAULT_REQUESTS)
            return Pairs(pairs=pairs, users=positive("-c", typed.concurrency, 1))
        case _:
            return _open(typed)


def _shared(load: Load, typed: Typed, tenants: tuple[Tenant, ...]) -> Load:
    """The load of several tenants: their weights are the users of a closed loop."""
    match load:
        case ClosedLoop() | Sessions() if typed.concurrency is not None:
            raise ConfigurationError("--tenants says how many users each tenant has; leave out -c")
        case ClosedLoop() | Sessions():
            return replace(load, users=users_of(tenants))
        case OpenLoop() | TraceReplay() | CapacitySearch():
            return load
        case Sweep() | Pairs():
            raise ConfigurationError(f"--tenants has no meaning for this kind of load ({describe(load)}); leave it out")
        case _:
            assert_never(load)


def _closed(typed: Typed) -> ClosedLoop:
    length_s = optional_time_s("--duration", typed.duration)
    default = None if length_s is not None else DEFAULT_REQUESTS
    requests = default if typed.requests is None else at_least("-n", typed.requests, 1)
    users = positive("-c", typed.concurrency, min(requests or DEFAULT_REQUESTS, MAX_DEFAULT_USERS))
    ramp_s = optional_time_s("--ramp", typed.ramp) or 0.0
    return ClosedLoop(users=users, requests=requests, duration_s=length_s, ramp_s=ramp_s, think_s=_think_s(typed))


def _open(typed: Typed) -> OpenLoop:
    pattern = _pattern(typed.arrivals or "poisson")
    limit = None if typed.requests is None else at_least("-n", typed.requests, 1)
    if typed.stages:
        if typed.rate is not None or typed.duration or typed.ramp:
            raise ConfigurationError("--stages says the rates and times itself; leave out --rate, --duration, --ramp")
        return OpenLoop(pattern, _stages(typed.stages), limit=limit, max_in_flight=_cap(typed))
    if typed.rate is None and not isinstance(pattern, Burst):
        raise ConfigurationError("--arrivals needs a --rate, or write --arrivals burst:20@5s")
    rate = 1.0 if typed.rate is None else typed.rate
    if not 0 < rate <= 1e6:
        raise ConfigurationError("--rate must be more than 0 requests per second")
    length_s = optional_time_s("--duration", typed.duration)
    if length_s is None:
        limit = limit or DEFAULT_REQUESTS
    stages = (Stage(math.inf if length_s is None else length_s, rate, rate),)
    ramp_s = optional_time_s("--ramp", typed.ramp)
    if ramp_s:
        return OpenLoop(pattern, (Stage(ramp_s, 0.0, rate), *stages), limit, _cap(typed), warm_up_stages=1)
    return OpenLoop(pattern, stages, limit, _cap(typed))


def _capacity(typed: Typed) -> CapacitySearch:
    good_share = share(typed.good, what="--good") if typed.good else DEFAULT_GOOD_SHARE
    start_per_s = 1.0 if typed.rate is None else typed.rate
    if not 0 < start_per_s <= 1e6 or not good_share:
        raise ConfigurationError("--find-capacity needs a --rate and a --good share above 0")
    step_s = optional_time_s("--step", typed.step) or DEFAULT_STEP_S
    return CapacitySearch(start_per_s, step_s=step_s, good_share=good_share, max_in_flight=_cap(typed))


def _pattern(text: str) -> Pattern:
    kind, _, rest = text.partition(":")
    match kind:
        case "constant" if not rest:
            return Constant()
        case "poisson" if not rest:
            return Gamma(1.0)
        case "gamma":
            cv = number(rest, what="the variation in --arrivals gamma:CV")
            if not 0.05 <= cv <= 50:
                raise ConfigurationError("--arrivals gamma:CV takes a variation of 0.05 to 50")
            return Gamma(cv)
        case "burst":
            size, _, every = rest.partition("@")
            count = number(size, what="the size in --arrivals burst:N@T")
            if count != int(count) or not 1 <= count <= 100_000:
                raise ConfigurationError("--arrivals burst:N@T takes a size of 1 to 100000")
            return Burst(int(count), time_s("--arrivals burst:N@T", every))
        case _:
            raise ConfigurationError(f"--arrivals {text!r}: choose poisson, constant, gamma:CV or burst:N@T")


def _stages(text: str) -> tuple[Stage, ...]:
    """``10s@2,30s@2-8,10s@0``."""
    found = []
    for part in text.split(","):
        length_s, at, rates = part.strip().partition("@")
        if not at:
            raise ConfigurationError(f"--stages {part!r}: write TIME@RATE, like 10s@2, or 30s@2-8 for a ramp")
        first, _, last = rates.partition("-")
        ends = [number(end, what=f"the rate in --stages {part!r}") for end in (first, last or first)]
        if not all(0 <= end <= 1e6 for end in ends):
            raise ConfigurationError(f"--stages {part!r}: a rate is 0 or more per second")
        found.append(Stage(time_s("--stages", length_s), ends[0], ends[1]))
    if not any(stage.expected for stage in found):
        raise ConfigurationError("--stages sends nothing: every rate is 0")
    return tuple(found)


def _think_s(typed: Typed) -> float:
    return optional_time_s("--think", typed.think) or 0.0


def _cap(typed: Typed) -> int | None:
    return None if typed.concurrency is None else at_least("-c", typed.concurrency, 1)


_BOUND_TO: tuple[tuple[str, Callable[[Typed], bool], tuple[type, ...]], ...] = (
    ("-n", lambda typed: typed.requests is not None, (ClosedLoop, OpenLoop, Sweep, Pairs, TraceReplay)),
    ("--duration", lambda typed: bool(typed.duration), (ClosedLoop, OpenLoop, Sweep)),
    ("--ramp", lambda typed: bool(typed.ramp), (ClosedLoop, OpenLoop)),
    ("--think", lambda typed: bool(typed.think), (ClosedLoop, Sessions)),
    ("--speed", lambda typed: typed.speed is not None, (TraceReplay,)),
    ("--limit", lambda typed: typed.limit is not None, (TraceReplay,)),
    ("--turns", lambda typed: typed.turns is not None, (Sessions,)),
    ("--step", lambda typed: bool(typed.step), (CapacitySearch,)),
    ("--good", lambda typed: bool(typed.good), (CapacitySearch,)),
)
"""Options that only some loads know. An option that changes nothing is a misunderstanding, so it is refused."""
