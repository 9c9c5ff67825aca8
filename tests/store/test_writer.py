"""The store's thread: order, deadlines, its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llmlb.errors import StoreBusy, StoreCorrupt, StoreError
from llmlb.store.buffers import Buffers
from llmlb.store.calls import Turn
from llmlb.store.flush import Flusher
from llmlb.store.places import places_of
from llmlb.store.writer import WAITING_CALLS, Writer


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(places_of(tmp_path), Flusher(Buffers(), request_rows=10), flush_interval_s=3600.0)
    made.start(10.0)
    yield made
    assert made.stop(10.0)


@contextmanager
def held(writer: Writer, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Keeps the thread busy, as a disk would that does not answer."""
    started, release = threading.Event(), threading.Event()

    def hold(turn: Turn) -> None:
        started.set()
        release.wait(20.0)

    holding = loop.create_task(writer.call(hold, deadline_s=20.0))
    loop.run_until_complete(asyncio.sleep(0))
    assert started.wait(5.0)
    try:
        yield
    finally:
        release.set()
        loop.run_until_complete(holding)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def test_calls_run_in_the_order_in_which_they_were_made(writer: Writer) -> None:
    order: list[int] = []

    async def scenario() -> None:
        def appending(number: int) -> Callable[[Turn], None]:
            return lambda turn: order.append(number)

        await asyncio.gather(*(writer.call(appending(number), deadline_s=5.0) for number in range(100)))

    asyncio.run(scenario())
    assert order == list(range(100))


def test_all_work_is_done_on_one_thread_that_dies_with_the_process(writer: Writer) -> None:
    async def scenario() -> set[threading.Thread]:
        calls = (writer.call(lambda turn: threading.current_thread(), deadline_s=5.0) for _ in range(20))
        return set(await asyncio.gather(*calls))

    threads = asyncio.run(scenario())
    assert len(threads) == 1
    assert threads.pop().daemon


def test_a_stuck_disk_costs_a_caller_no_more_than_the_deadline(writer: Writer, loop: asyncio.AbstractEventLoop) -> None:
    begun: list[int] = []
    with held(writer, loop), pytest.raises(StoreBusy, match=r"within 0\.05 s; nothing was changed"):
        loop.run_until_complete(writer.call(lambda turn: begun.append(1), deadline_s=0.05))
    loop.run_until_complete(writer.call(lambda turn: None, deadline_s=5.0))
    assert begun == [], "a call that was refused must not be done later"


def test_a_commit_that_outlasts_the_deadline_is_reported_as_unknown(
    writer: Writer, loop: asyncio.AbstractEventLoop
) -> None:
    release = threading.Event()

    def slow_commit(turn: Turn) -> None:
        assert turn.may_commit()
        release.wait(20.0)

    with pytest.raises(StoreBusy, match="look whether the change is there"):
        loop.run_until_complete(writer.call(slow_commit, deadline_s=0.4))
    release.set()


def test_a_full_queue_refuses_at_once(writer: Writer, loop: asyncio.AbstractEventLoop) -> None:
    async def fill() -> list[BaseException | None]:
        calls = (writer.call(lambda turn: None, deadline_s=20.0) for _ in range(WAITING_CALLS + 5))
        waiting = [asyncio.ensure_future(call) for call in calls]
        await asyncio.sleep(0)
        assert writer.waiting_calls == WAITING_CALLS
        refused = [task.exception() for task in waiting if task.done()]
        for task in waiting:
            task.cancel()
        return refused

    with held(writer, loop):
        refused = loop.run_until_complete(fill())
    assert len(refused) == 5
    assert all(isinstance(error, StoreBusy) for error in refused)


def test_a_caller_who_hangs_up_leaves_no_change_behind(writer: Writer, loop: asyncio.AbstractEventLoop) -> None:
    begun: list[int] = []

    async def hang_up() -> None:
        call = asyncio.ensure_future(writer.call(lambda turn: begun.append(1), deadline_s=5.0))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    with held(writer, loop):
        loop.run_until_complete(hang_up())
    loop.run_until_complete(writer.call(lambda turn: None, deadline_s=5.0))
    assert begun == []


def test_what_waits_is_done_before_the_thread_ends_and_nothing_after(tmp_path: Path) -> None:
    writer = Writer(places_of(tmp_path), Flusher(Buffers(), request_rows=10))
    writer.start(10.0)

    async def scenario() -> int:
        waiting = [asyncio.ensure_future(writer.call(lambda turn: 1, deadline_s=5.0)) for _ in range(50)]
        await asyncio.sleep(0)
        assert await asyncio.to_thread(writer.stop, 10.0)
        done = sum(await asyncio.gather(*waiting))
        with pytest.raises(StoreError, match="closed"):
            await writer.call(lambda turn: 1, deadline_s=5.0)
        return done

    assert asyncio.run(scenario()) == 50


def test_a_file_that_does_not_open_is_an_error_of_the_start_and_not_a_silence(tmp_path: Path) -> None:
    (tmp_path / "runtime.db").write_bytes(b"rubbish " * 200)
    writer = Writer(places_of(tmp_path), Flusher(Buffers(), request_rows=10))
    with pytest.raises(StoreCorrupt, match=r"runtime\.db"):
        writer.start(10.0)
