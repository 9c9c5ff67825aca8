"""What a request and a chunk cost in things that can be counted exactly: calls, tasks, futures, timers.

Times say more, but not on a machine that does something else as well. Whoever adds a task, an await or a wealth of
calls to the way of every request or chunk meets this file first.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from fakes.plane import MODEL
from fakes.wire import Wires

CALLS_PER_REQUEST = 75
CALLS_PER_CHUNK = 5


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts what costs a turn of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    def create_future(self) -> asyncio.Future[Any]:
        self.made.append("future")
        return super().create_future()

    def create_task(self, *args: Any, **named: Any) -> asyncio.Task[Any]:
        self.made.append("task")
        return super().create_task(*args, **named)

    def call_soon(self, *args: Any, **named: Any) -> asyncio.Handle:  # type: ignore[override]  # whatever is given
        self.made.append("call_soon")
        return super().call_soon(*args, **named)

    def call_at(self, *args: Any, **named: Any) -> asyncio.TimerHandle:  # type: ignore[override]  # likewise
        self.made.append("timer")
        return super().call_at(*args, **named)


def calls_of(work: Callable[[], None]) -> int:
    """Calls of Python functions within ``work``."""
    calls = -2  # work itself, and the setprofile that ends it

    def note(frame: FrameType, event: str, arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def on_wires(measure: Callable[[Wires], float]) -> tuple[float, list[str]]:
    """The figure, and what the loop was asked for meanwhile."""

    async def scenario() -> tuple[float, list[str]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, CountingLoop)
        wires = Wires()
        for _ in range(20):
            wires.ask()
            wires.stream(3)
        loop.made.clear()
        return measure(wires), list(loop.made)

    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        return runner.run(scenario())


def test_a_request_costs_no_turn_of_the_loop_and_few_calls() -> None:
    def per_request(wires: Wires) -> float:
        return calls_of(lambda: wires.ask(600)) / 600

    calls, made = on_wires(per_request)
    assert made == []
    assert calls <= CALLS_PER_REQUEST


def test_a_chunk_costs_no_turn_of_the_loop_and_few_calls() -> None:
    def per_chunk(wires: Wires) -> float:
        short = calls_of(lambda: wires.stream(10))
        return (calls_of(lambda: wires.stream(2010)) - short) / 2000

    calls, made = on_wires(per_chunk)
    assert made == []
    assert calls <= CALLS_PER_CHUNK


def test_every_book_is_kept_meanwhile() -> None:
    """The figures above are worth something only if nothing was switched off for them."""

    def books(wires: Wires) -> float:
        wires.ask()
        wires.log.count()
        series = wires.metrics.known_model(MODEL)
        assert series.request_duration.count == 41
        assert series.completion_tokens > 0
        assert len(wires.log) == 41
        return 0

    on_wires(books)


def test_nothing_is_left_for_the_garbage_collector() -> None:
    """It comes by seldom, so what only it can free would be megabytes in a router with many connections."""

    def left(wires: Wires) -> float:
        kept = type(wires.client), wires.client.config  # made for this one connection here
        gc.collect()
        gc.disable()
        try:
            wires.ask(20)
            wires.stream(20)
            wires.lose_node()
            wires.client.connection_lost(None)
            del wires.client
            return gc.collect()
        finally:
            gc.enable()
            del kept

    found, _ = on_wires(left)
    assert found == 0
