"""Runs one load test from its plan to its result."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmlb.clock import perf_ns, unix_s
from llmlb.loadtest.drivers import Course
from llmlb.loadtest.engine import Engine, Side
from llmlb.loadtest.environment import cpu_s, environment, quiet_collector
from llmlb.loadtest.evidence import Evidence, Yardstick, overhead_of
from llmlb.loadtest.honesty import Honesty, judge
from llmlb.loadtest.lookup import KnownNode, chosen_model, models_of, nodes_of, serving
from llmlb.loadtest.percentiles import Sample
from llmlb.loadtest.phases import Played, play, warm_up
from llmlb.loadtest.plan import Plan
from llmlb.loadtest.record import Label, Record
from llmlb.loadtest.result import Phase, Result
from llmlb.loadtest.results import Summary
from llmlb.loadtest.tally import Progress
from llmlb.loadtest.target import Target
from llmlb.loadtest.timeline import timeline
from llmlb.loadtest.verdicts import verdicts

PROGRESS_EVERY_S = 0.25
HANG_UP_S = 0.2
"""How long the drivers get to end by themselves once the run is stopped."""


async def run(
    plan: Plan,
    target: Target,
    *,
    opponents: Sequence[Target] = (),
    on_progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
) -> Result:
    """Runs the plan against the target and returns everything that was measured.

    opponents: what the target is compared with, for a plan of ``Pairs``.  on_progress: called four times a second
    and once at the end.  stop: when set, the run ends at once and its result is partial.

    Raises ConfigurationError for a target that cannot be dialled, RouterUnreachable and RouterRefused where not even
    the list of models came back, ClientError where no model was named and none is listed.
    """
    model = await chosen_model(target, plan.model)
    models = (model, *[await _opponent_model(opponent, model) for opponent in opponents])
    nodes = serving(await nodes_of(target), model) if target.api_key else ()
    sides = [
        Side(side, plan.endpoint.path, streamed=plan.streamed, connect_s=plan.deadlines.connect_s)
        for side in (target, *opponents)
    ]
    run_id = secrets.token_hex(4)
    engine = Engine(sides, deadlines=plan.deadlines, run_id=run_id)
    engine.tally.expect(nodes=[node.node for node in nodes], tenants=[tenant.name for tenant in plan.tenants])
    course = Course(plan, engine, models, Label(0), random.Random(f"cancel {plan.seed}"))
    started_at_unix_s = unix_s()
    try:
        with quiet_collector():
            performance = await _perform(course, on_progress=on_progress, stop=stop or asyncio.Event())
    finally:
        await engine.aclose()
    return _result(course, performance, nodes=nodes, run_id=run_id, started_at_unix_s=started_at_unix_s)


@dataclass(frozen=True, slots=True)
class _Performance:
    """What is known of a run beside its records."""

    played: Played
    interrupted: bool
    cpu_s: float
    wall_s: float


async def _perform(
    course: Course, *, on_progress: Callable[[Progress], None] | None, stop: asyncio.Event
) -> _Performance:
    """Plays the load until it is over or the stop is set."""
    played = Played([])
    started_ns, started_cpu_s = perf_ns(), cpu_s()

    async def drive() -> None:
        await warm_up(course, course.plan.load)
        await play(course, course.plan.load, played)

    driver = asyncio.create_task(drive())
    stopper = asyncio.create_task(stop.wait())
    beside = [stopper, asyncio.create_task(course.engine.watch())]
    if on_progress is not None:
        beside.append(asyncio.create_task(_report(course.engine, on_progress)))
    try:
        await asyncio.wait({driver, stopper}, return_when=asyncio.FIRST_COMPLETED)
        interrupted = not driver.done()
        if interrupted:
            course.engine.interrupt()
            await asyncio.wait({driver}, timeout=HANG_UP_S)
    finally:
        for task in (driver, *beside):
            task.cancel()
        outcomes = await asyncio.gather(driver, *beside, return_exceptions=True)
    course.engine.settle()
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
            raise outcome
    if on_progress is not None:
        on_progress(course.engine.tally.look(_elapsed_s(course.engine)))
    return _Performance(played, interrupted, cpu_s() - started_cpu_s, (perf_ns() - started_ns) / 1e9)


async def _report(engine: Engine, on_progress: Callable[[Progress], None]) -> None:
    while True:
        await asyncio.sleep(PROGRESS_EVERY_S)
        on_progress(engine.tally.look(_elapsed_s(engine)))


def _elapsed_s(engine: Engine) -> float:
    return (perf_ns() - engine.start_ns) / 1e9


async def _opponent_model(opponent: Target, model: str) -> str:
    """The same model where the opponent has it or does not say, else its first."""
    listed = await models_of(opponent)
    return model if not listed or model in listed else listed[0]


def _result(
    course: Course,
    performance: _Performance,
    *,
    nodes: Sequence[KnownNode],
    run_id: str,
    started_at_unix_s: float,
) -> Result:
    plan, engine = course.plan, course.engine
    ours = [record for record in engine.records if record.label.arm == 0]
    theirs = [record for record in engine.records if record.label.arm > 0]
    yardstick = Yardstick.of(plan)
    names = [node.node for node in nodes]
    summary = yardstick.measure(ours, names)
    honesty = _honesty(engine, summary, performance)
    paired = yardstick.pair(engine.records, {arm: side.target.pin for arm, side in enumerate(engine.sides)})
    evidence = Evidence(ours, summary, honesty, yardstick, overhead_of(paired, yardstick))
    return Result(
        plan=plan,
        run_id=run_id,
        target_url=engine.sides[0].target.url,
        opponent_urls=tuple(side.target.url for side in engine.sides[1:]),
        side_names=tuple(side.target.name or side.target.url for side in engine.sides),
        model=course.models[0],
        started_at_unix_s=started_at_unix_s,
        environment=environment(),
        records=tuple(engine.records),
        summary=summary,
        phases=_phases(yardstick, ours, performance.played, names),
        opponent=yardstick.measure(theirs, ()) if theirs else None,
        pairing=paired,
        capacity=performance.played.capacity,
        honesty=honesty,
        verdicts=verdicts(plan.gates, evidence),
        timeline=timeline(engine.records),
        interrupted=performance.interrupted,
        notes=_notes(plan, engine.sides[0].target),
    )


def _notes(plan: Plan, target: Target) -> tuple[str, ...]:
    if plan.tenants and not target.tenant_keys:
        return ("the tenants had no keys of their own: this server asks for none and cannot tell them apart",)
    return ()


def _phases(yardstick: Yardstick, records: Sequence[Record], played: Played, nodes: Sequence[str]) -> tuple[Phase, ...]:
    by_phase: dict[int, list[Record]] = {}
    for record in records:
        by_phase.setdefault(record.label.phase, []).append(record)
    return tuple(
        Phase(name, yardstick.measure(by_phase.get(number, []), nodes)) for number, name in enumerate(played.phases)
    )


def _honesty(engine: Engine, summary: Summary, performance: _Performance) -> Honesty:
    return judge(
        summary.times["lag"],
        summary.times["ttft"],
        loop_lags_ms=Sample(engine.loop_lags_ms),
        cpu_s=performance.cpu_s,
        window_s=performance.wall_s,
        sockets=sum(side.pool.opened for side in engine.sides),
    )
