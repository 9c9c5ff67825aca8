"""Plays a plan's load, phase after phase."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import assert_never

from llmlb.loadtest.arrivals import Arrival, arrivals, evenly
from llmlb.loadtest.capacity import MIN_REQUESTS, Capacity, Search, is_saturated
from llmlb.loadtest.drivers import Course, closed_loop, open_loop, pairs, sessions
from llmlb.loadtest.objectives import is_good
from llmlb.loadtest.plan import (
    CapacitySearch,
    ClosedLoop,
    Load,
    OpenLoop,
    Pairs,
    Sessions,
    Sweep,
    TraceReplay,
    extent,
)
from llmlb.loadtest.tally import Expected
from llmlb.loadtest.taxonomy import Ending

WARM_UP_USERS = 16


@dataclass(slots=True)
class Played:
    """What was played so far: the names of its phases, and where the capacity lies if that was looked for."""

    phases: list[str]
    capacity: Capacity | None = None


async def play(course: Course, load: Load, played: Played) -> None:
    """Plays the load; ``played`` is filled on the way, so that an interrupted run keeps what it has."""
    course.engine.tally.expected = Expected("", *extent(load))
    match load:
        case ClosedLoop():
            await closed_loop(course, load)
        case OpenLoop():
            await _staged(course, load, played)
        case TraceReplay():
            schedule = (Arrival(entry.at_s / load.speed, 0) for entry in load.entries)
            await open_loop(course, schedule, count=len(load.entries), max_in_flight=load.max_in_flight)
        case Sessions():
            await sessions(course, load)
        case Pairs():
            await pairs(course, load)
        case Sweep():
            await _sweep(course, load, played)
        case CapacitySearch():
            await _search(course, load, played)
        case _:
            assert_never(load)


async def warm_up(course: Course, load: Load) -> None:
    """Sends the plan's warm-up requests to every side; they are recorded, not counted."""
    requests = course.plan.warm_up
    if not requests:
        return
    kept = course.label
    users = load.users if isinstance(load, ClosedLoop | Sessions) else WARM_UP_USERS
    course.engine.tally.expected = Expected("warm-up", requests)
    for arm in range(len(course.engine.sides)):
        course.label = replace(kept, arm=arm, warm_up=True)
        await closed_loop(course, ClosedLoop(users=max(1, min(users, requests)), requests=requests))
    course.label = kept


async def _staged(course: Course, load: OpenLoop, played: Played) -> None:
    rng = random.Random(f"arrivals {course.plan.seed}")
    schedule = arrivals(load.pattern, load.stages, rng, limit=load.limit)
    if len(load.counted_stages) > 1:
        played.phases += [stage.name for stage in load.counted_stages]
    await open_loop(
        course, schedule, count=load.limit, max_in_flight=load.max_in_flight, warm_up_stages=load.warm_up_stages
    )


async def _sweep(course: Course, load: Sweep, played: Played) -> None:
    for number, users in enumerate(load.users):
        if course.engine.is_stopped():
            return
        name = f"{users} users" if users > 1 else "1 user"
        played.phases.append(name)
        course.label = replace(course.label, phase=number)
        requests = None if load.duration_s is not None else max(users, load.requests or 0)
        course.engine.tally.expected = Expected(name, requests, load.duration_s)
        await closed_loop(course, ClosedLoop(users=users, requests=requests, duration_s=load.duration_s))


async def _search(course: Course, load: CapacitySearch, played: Played) -> None:
    search = Search(load)
    while (rate := search.next_rate) is not None and not course.engine.is_stopped():
        number = len(played.phases)
        name = f"{rate:.3g}/s"
        played.phases.append(name)
        course.label = replace(course.label, phase=number)
        length_s = max(load.step_s, MIN_REQUESTS / rate)
        course.engine.tally.expected = Expected(name, None, length_s)
        before = len(course.engine.records)
        rng = random.Random(f"arrivals {course.plan.seed} {number}")
        count = round(rate * length_s)
        schedule = evenly(count, length_s, rng)
        await open_loop(course, schedule, count=count, max_in_flight=load.max_in_flight)
        course.engine.settle()
        records = [r for r in course.engine.records[before:] if r.ending is not Ending.CLIENT_CANCELLED]
        if course.engine.is_stopped():
            return
        good = sum(is_good(record, course.plan.slo) for record in records)
        search.observe(
            rate,
            requests=len(records),
            good_share=good / len(records) if records else 0.0,
            saturated=is_saturated(records),
        )
        played.capacity = search.result()
