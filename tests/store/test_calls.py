"""The race between a caller's deadline and the commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from llmlb.errors import StoreBusy
from llmlb.store.calls import Call, Turn
from llmlb.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "a.db", synchronous="FULL")) as opened:
        yield opened


def _made(work: Callable[[Turn], object], expires_at_s: float = 10.0) -> tuple[asyncio.AbstractEventLoop, Call[object]]:
    loop = asyncio.new_event_loop()
    return loop, Call(work, loop, expires_at_s)


def test_the_result_reaches_the_caller(database: Database) -> None:
    loop, call = _made(lambda turn: turn.patience_s)
    call.run(database, database, 4.0)
    with closing(loop):
        assert loop.run_until_complete(call.future) == pytest.approx(5.75)


def test_an_error_reaches_the_caller_and_not_the_thread(database: Database) -> None:
    loop, call = _made(lambda turn: 1 / 0)
    call.run(database, database, 0.0)
    with closing(loop), pytest.raises(ZeroDivisionError):
        loop.run_until_complete(call.future)


def test_work_whose_deadline_passed_while_it_waited_is_not_begun(database: Database) -> None:
    begun: list[int] = []
    loop, call = _made(lambda turn: begun.append(1))
    call.run(database, database, 10.0)
    with closing(loop), pytest.raises(StoreBusy, match="nothing was changed"):
        loop.run_until_complete(call.future)
    assert begun == []


def test_a_caller_who_gives_up_first_forbids_the_commit(database: Database) -> None:
    answers: list[bool] = []

    def work(turn: Turn) -> None:
        assert call.abandon()
        answers.append(turn.may_commit())

    loop, call = _made(work)
    call.run(database, database, 0.0)
    loop.close()
    assert answers == [False]


def test_a_caller_who_gives_up_after_the_claim_is_told_that_it_is_unknown(database: Database) -> None:
    loop, call = _made(lambda turn: turn.may_commit())
    call.run(database, database, 0.0)
    loop.close()
    assert call.abandon() is False


def test_an_abandoned_call_is_not_begun(database: Database) -> None:
    begun: list[int] = []
    loop, call = _made(lambda turn: begun.append(1))
    call.abandon()
    call.run(database, database, 0.0)
    with closing(loop), pytest.raises(StoreBusy):
        loop.run_until_complete(call.future)
    assert begun == []


def test_a_caller_whose_event_loop_is_gone_does_not_stop_the_thread(database: Database) -> None:
    loop, call = _made(lambda turn: 1)
    loop.close()
    call.run(database, database, 0.0)


def test_a_cancelled_caller_is_not_answered_twice(database: Database) -> None:
    loop, call = _made(lambda turn: 1)
    call.future.cancel()
    call.run(database, database, 0.0)
    with closing(loop), pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(call.future)


def test_work_can_tell_that_its_caller_gave_up(database: Database) -> None:
    answers: list[bool] = []

    def work(turn: Turn) -> None:
        answers.append(turn.is_wanted())
        call.abandon()
        answers.append(turn.is_wanted())

    loop, call = _made(work)
    call.run(database, database, 0.0)
    loop.close()
    assert answers == [True, False]
