"""Writing behind, and what a failure costs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from llmlb.store import tables
from llmlb.store.buffers import Buffers
from llmlb.store.database import Database
from llmlb.store.flush import ROWS_PER_STATEMENT, Flusher
from llmlb.store.migration import RUNTIME_SCHEMA, upgrade
from llmlb.store.rows import EventRow, NodeCounters, RequestRow


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "runtime.db", synchronous="NORMAL")) as opened:
        upgrade(opened, RUNTIME_SCHEMA)
        yield opened


def _requests(count: int, **values: object) -> list[RequestRow]:
    return [RequestRow(id=str(number), at=float(number), **values) for number in range(count)]  # type: ignore[arg-type]  # any field


def _count(runtime: Database) -> int:
    with runtime.reading() as connection:
        return connection.execute(select(func.count()).select_from(tables.requests)).scalar_one()


def test_a_batch_larger_than_a_statement_is_written_whole(runtime: Database) -> None:
    buffers = Buffers()
    buffers.add_requests(_requests(ROWS_PER_STATEMENT * 2 + 1))
    buffers.add_events([EventRow(at=1.0, kind="node")])
    buffers.add_counters([NodeCounters(id="a", heartbeats=3)])
    flusher = Flusher(buffers, request_rows=10_000)
    flusher.flush(runtime)
    assert _count(runtime) == ROWS_PER_STATEMENT * 2 + 1
    assert (flusher.failed_flushes, flusher.error, len(buffers)) == (0, "", 0)


def test_rows_wait_while_another_process_has_the_lock(runtime: Database) -> None:
    buffers = Buffers()
    flusher = Flusher(buffers, request_rows=100)
    buffers.add_requests(_requests(3))
    with closing(sqlite3.connect(runtime.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        flusher.flush(runtime)
        assert (len(buffers), flusher.failed_flushes) == (3, 1)
        assert "locked" in flusher.error
        other.execute("ROLLBACK")
    flusher.flush(runtime)
    assert _count(runtime) == 3
    assert (buffers.dropped_requests, flusher.error) == (0, "")


def test_a_full_disk_drops_records_keeps_totals_and_recovers(runtime: Database) -> None:
    buffers = Buffers()
    flusher = Flusher(buffers, request_rows=100)
    pages = runtime.pragma("page_count")[0][0]
    runtime.pragma(f"max_page_count = {pages}")
    buffers.add_requests(_requests(20, error="x" * 2000))
    buffers.add_counters([NodeCounters(id="a", heartbeats=9)])
    flusher.flush(runtime)
    assert buffers.dropped_requests == 20
    assert "no space" in flusher.error
    runtime.pragma("max_page_count = 100000")
    flusher.flush(runtime)
    with runtime.reading() as connection:
        assert connection.execute(select(tables.node_counters.c.heartbeats)).scalars().all() == [9]
    assert flusher.error == ""


def test_one_record_that_cannot_be_written_does_not_take_the_others_with_it(runtime: Database) -> None:
    buffers = Buffers()
    flusher = Flusher(buffers, request_rows=100)
    hostile = [
        RequestRow(id="surrogate", at=1.0, model="\ud800"),
        RequestRow(id="huge", at=1.0, prompt_tokens=10**30),
    ]
    buffers.add_requests([*_requests(2), *hostile])
    buffers.add_events([EventRow(at=1.0, kind="\udfff"), EventRow(at=2.0, kind="node")])
    flusher.flush(runtime)
    assert _count(runtime) == 2
    assert (buffers.dropped_requests, buffers.dropped_events) == (2, 1)


def test_a_missing_table_costs_the_batch_and_not_the_thread(runtime: Database) -> None:
    with runtime.writing() as connection:
        connection.exec_driver_sql("DROP TABLE requests")
    buffers = Buffers()
    flusher = Flusher(buffers, request_rows=100)
    buffers.add_requests(_requests(2))
    flusher.flush(runtime)
    assert buffers.dropped_requests == 2
    assert "damaged" in flusher.error


def test_the_file_stays_within_its_rows_however_fast_they_come(runtime: Database) -> None:
    buffers = Buffers()
    flusher = Flusher(buffers, request_rows=100)
    for start in range(0, 2000, 40):
        buffers.add_requests(RequestRow(id=str(start + n), at=float(start + n)) for n in range(40))
        flusher.flush(runtime)
        assert _count(runtime) <= 150
    with runtime.reading() as connection:
        assert connection.execute(select(func.max(tables.requests.c.at))).scalar_one() == 1999.0


def test_an_empty_buffer_opens_no_transaction(runtime: Database) -> None:
    with closing(sqlite3.connect(runtime.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        flusher = Flusher(Buffers(), request_rows=100)
        flusher.flush(runtime)
        assert flusher.failed_flushes == 0
        other.execute("ROLLBACK")
