"""Who sends the next request, and when: one driver per kind of load."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace

from llmlb.clock import perf_ns
from llmlb.loadtest.arrivals import Arrival
from llmlb.loadtest.bodies import Parcel, PromptStock, max_tokens_of, request_body
from llmlb.loadtest.engine import Call, Engine
from llmlb.loadtest.exchange import Expectation
from llmlb.loadtest.plan import ClosedLoop, Pairs, Plan, Sessions
from llmlb.loadtest.prompts import Prompt, follow_up, with_nonce
from llmlb.loadtest.record import Asked, Label
from llmlb.loadtest.tenants import draws, seats

_S = 1_000_000_000
_ENDLESS = 1 << 62


@dataclass(slots=True)
class Course:
    """What the drivers of one run share.

    models: the model of each side.  label: what all requests of the current phase have in common.
    next_index: the first index that no request has had.  cancels: draws who hangs up.
    """

    plan: Plan
    engine: Engine
    models: tuple[str, ...]
    label: Label
    cancels: random.Random
    next_index: int = 0

    def parcel(self, index: int) -> Parcel:
        """The prompt of an index and its body for the side of the current label."""
        return self.wrap(self.plan.prompts.prompt(index, seed=self.plan.seed))

    def wrap(self, prompt: Prompt, *, arm: int | None = None) -> Parcel:
        model = self.models[self.label.arm if arm is None else arm]
        return Parcel(prompt, request_body(self.plan, prompt, model=model))

    def call(
        self, label: Label, parcel: Parcel, *, scheduled_at_ns: int, slot_at_ns: int, keeps_text: bool = False
    ) -> Call:
        plan = self.plan
        expected = Expectation(
            streamed=plan.streamed,
            keeps_text=keeps_text,
            hangs_up=plan.cancel_share > 0 and self.cancels.random() < plan.cancel_share,
            max_tokens=max_tokens_of(plan, parcel.prompt),
            checks_usage=plan.checks_usage,
        )
        asked = Asked(parcel.prompt.input_tokens, expected.max_tokens if plan.ignore_eos else 0)
        return Call(label, parcel.body, expected, scheduled_at_ns, slot_at_ns, asked)


async def closed_loop(course: Course, load: ClosedLoop) -> None:
    """``load.users`` users, each sending its next request when its last one has ended."""
    first = course.next_index
    stock = PromptStock(lambda offset: course.parcel(first + offset), count=load.requests)
    await stock.fill()
    offsets = iter(range(_ENDLESS if load.requests is None else load.requests))
    tenants = seats(course.plan.tenants)
    begun_ns = perf_ns()
    counted_from_ns = begun_ns + int(load.ramp_s * _S)
    end_ns = begun_ns + (_ENDLESS if load.duration_s is None else int(load.duration_s * _S))

    async def user(number: int) -> None:
        ready_ns = begun_ns + int(load.ramp_s * _S * number / load.users)
        while ready_ns < end_ns and not course.engine.is_stopped():
            await course.engine.until(ready_ns)
            offset = next(offsets, None)
            if offset is None:
                return
            course.next_index = max(course.next_index, first + offset + 1)
            warm_up = course.label.warm_up or ready_ns < counted_from_ns
            tenant = tenants[number % len(tenants)]
            label = replace(course.label, index=first + offset, warm_up=warm_up, tenant=tenant)
            call = course.call(label, stock.take(offset), scheduled_at_ns=ready_ns, slot_at_ns=ready_ns)
            finished = await course.engine.perform(call)
            ready_ns = finished.ended_at_ns + int(load.think_s * _S)

    await _all(stock, [user(number) for number in range(load.users)])


async def open_loop(
    course: Course,
    schedule: Iterable[Arrival],
    *,
    count: int | None = None,
    max_in_flight: int | None = None,
    warm_up_stages: int = 0,
) -> None:
    """One request per arrival, whether or not earlier ones were answered.

    count: how many arrivals there are, if known.  warm_up_stages: the first stages, which are not counted.
    """
    engine = course.engine
    first = course.next_index
    stock = PromptStock(lambda offset: course.parcel(first + offset), count=count)
    await stock.fill()
    slots = Slots(max_in_flight)
    tenants = draws(course.plan.tenants, random.Random(f"tenants {course.plan.seed} {first}"))
    begun_ns = perf_ns()

    async def one(offset: int, arrival: Arrival, at_ns: int) -> None:
        label = replace(
            course.label,
            index=first + offset,
            phase=course.label.phase + max(0, arrival.stage - warm_up_stages),
            warm_up=arrival.stage < warm_up_stages,
            tenant=next(tenants),
        )
        slot_at_ns = max(at_ns, await slots.take())
        if engine.is_stopped():
            return
        call = course.call(label, stock.take(offset), scheduled_at_ns=at_ns, slot_at_ns=slot_at_ns)
        finished = await engine.perform(call)
        slots.give(finished.ended_at_ns)

    async def dispatch(group: asyncio.TaskGroup) -> None:
        for offset, arrival in enumerate(schedule):
            at_ns = begun_ns + int(arrival.at_s * _S)
            await engine.until(at_ns)
            if engine.is_stopped():
                return
            course.next_index = first + offset + 1
            group.create_task(one(offset, arrival, at_ns))
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        await _all(stock, [dispatch(group)])


async def sessions(course: Course, load: Sessions) -> None:
    """Conversations: a turn is sent ``think_s`` after the answer to the one before it."""
    first = course.next_index
    course.next_index += load.sessions * load.turns
    numbers = iter(range(load.sessions))
    tenants = seats(course.plan.tenants)
    begun_ns = perf_ns()

    async def user(tenant: str) -> None:
        ready_ns = begun_ns
        for number in numbers:
            if course.engine.is_stopped():
                return
            ready_ns = await conversation(number, ready_ns, tenant)

    async def conversation(number: int, ready_ns: int, tenant: str) -> int:
        prompt, answer = None, ""
        for turn in range(load.turns):
            index = first + number * load.turns + turn
            question = course.plan.prompts.prompt(index, seed=course.plan.seed)
            prompt = question if prompt is None else follow_up(prompt, answer, question)
            parcel = course.wrap(prompt)
            await course.engine.until(ready_ns)
            label = replace(course.label, index=index, session=number, turn=turn, tenant=tenant)
            call = course.call(
                label, parcel, scheduled_at_ns=ready_ns, slot_at_ns=ready_ns, keeps_text=turn + 1 < load.turns
            )
            finished = await course.engine.perform(call)
            answer = finished.text
            ready_ns = finished.ended_at_ns + int(load.think_s * _S)
            if not finished.ending.is_ok or course.engine.is_stopped():
                break
        return ready_ns

    async with asyncio.TaskGroup() as group:
        for seat in range(min(load.users, load.sessions)):
            group.create_task(user(tenants[seat % len(tenants)]))


async def pairs(course: Course, load: Pairs) -> None:
    """The same prompt to the target and to an opponent, one after the other, in random order.

    Several opponents take turns. A nonce at the beginning of each prompt keeps prefix caches out of it.
    """
    engine, plan = course.engine, course.plan
    opponents = len(engine.sides) - 1
    order = random.Random(f"order {plan.seed}")
    numbers = iter(range(load.pairs))
    first = course.next_index
    course.next_index += load.pairs * 2

    async def user() -> None:
        for number in numbers:
            rival = 1 + number % opponents
            prompt = plan.prompts.prompt(number, seed=plan.seed)
            arms = order.sample((0, rival), 2)
            for position, arm in enumerate(arms):
                if engine.is_stopped():
                    return
                nonce = f"{plan.seed}-{number}-{position}"
                parcel = course.wrap(with_nonce(prompt, nonce), arm=arm)
                label = replace(course.label, index=first + number * 2 + position, arm=arm, pair=number)
                now_ns = perf_ns()
                call = course.call(label, parcel, scheduled_at_ns=now_ns, slot_at_ns=now_ns)
                await engine.perform(call, pin="" if arm else engine.sides[rival].target.pin)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(load.users, load.pairs)):
            group.create_task(user())


class Slots:
    """At most so many requests at once, first come first served; knows when each slot became free."""

    def __init__(self, limit: int | None) -> None:
        self._free = _ENDLESS if limit is None else limit
        self._waiting: deque[asyncio.Future[int]] = deque()

    async def take(self) -> int:
        """Waits for a slot; returns when it became free (``clock.perf_ns``), 0 if it was free all along."""
        if self._free > 0:
            self._free -= 1
            return 0
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return await future

    def give(self, freed_at_ns: int) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(freed_at_ns)
                return
        self._free += 1


async def _all(stock: PromptStock, users: Sequence[Coroutine[None, None, None]]) -> None:
    """Runs the users to their end, with the stock kept filled meanwhile."""
    refill = asyncio.create_task(stock.refill())
    try:
        async with asyncio.TaskGroup() as group:
            for user in users:
                group.create_task(user)
    finally:
        refill.cancel()
        await asyncio.gather(refill, return_exceptions=True)
