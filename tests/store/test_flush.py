"""Writing behind, and what a failure costs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from llmlb.core.record import EVERY_RECORD, ExchangeRecord
from llmlb.store import tables
from llmlb.store.buffers import Buffers
from llmlb.store.database import Database
from llmlb.store.flush import ROWS_PER_STATEMENT, Flusher
from llmlb.store.migration import RUNTIME_SCHEMA, upgrade
from llmlb.store.packs import RECORDS_PER_PACK
from llmlb.store.reader import PackReader
from llmlb.store.rows import EventRow, NodeCounters


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "runtime.db", synchronous="NORMAL")) as opened:
        upgrade(opened, RUNTIME_SCHEMA)
        yield opened


def _requests(count: int, start: int = 0, *, error: str = "") -> list[ExchangeRecord]:
    numbers = range(start, start + count)
    return [ExchangeRecord(id=str(number), at_unix_s=float(number), error=error) for number in numbers]


def _kept(runtime: Database) -> list[int]:
    """The ids of the records in the file, which are numbers, newest first."""
    with runtime.reading() as connection:
        return [int(record.id) for record in PackReader().newest(connection, 10_000, EVERY_RECORD)]


def _packs(runtime: Database) -> list[tuple[int, float, float]]:
    columns = tables.request_packs.c
    with runtime.reading() as connection:
        rows = connection.execute(select(columns.number, columns.from_at, columns.at).order_by(columns.number))
        return [(number, from_at, at) for number, from_at, at in rows]


def test_a_batch_larger_than_a_pack_or_a_statement_is_written_whole(runtime: Database) -> None:
    buffers = Buffers()
    records, events = RECORDS_PER_PACK * 2 + 1, ROWS_PER_STATEMENT * 2 + 1
    buffers.add_requests(_requests(records))
    buffers.add_events([EventRow(at=float(number), kind="node") for number in range(events)])
    buffers.add_counters([NodeCounters(id="a", heartbeats=3)])
    flusher = Flusher(buffers, request_rows=10_000)
    flusher.flush(runtime)
    assert _kept(runtime) == list(range(records))[::-1]
    with runtime.reading() as connection:
        assert connection.execute(select(tables.events.c.at)).scalars().all() == list(range(events))
    assert (flusher.failed_flushes, flusher.error, len(buffers)) == (0, "", 0)


def test_a_pack_is_numbered_by_its_last_record_and_knows_when_its_records_came(runtime: Database) -> None:
    buffers = Buffers()
    flusher = Flusher(buffers, request_rows=10_000)
    buffers.add_requests(_requests(RECORDS_PER_PACK + 2)[::-1])
    flusher.flush(runtime)
    buffers.add_requests(_requests(3, start=1000))
    flusher.flush(runtime)
    assert _packs(runtime) == [
        (RECORDS_PER_PACK, 2.0, RECORDS_PER_PACK + 1.0),
        (RECORDS_PER_PACK + 2, 0.0, 1.0),
        (RECORDS_PER_PACK + 5, 1000.0, 1002.0),
    ]


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
    assert _kept(runtime) == [2, 1, 0]
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


HOSTILE = (
    ExchangeRecord(id="surrogate", at_unix_s=1.0, model="\ud800"),
    ExchangeRecord(id="huge", at_unix_s=1.0, prompt_tokens=10**30),
)


def test_one_record_that_cannot_be_written_does_not_take_the_others_with_it(runtime: Database) -> None:
    buffers = Buffers()
    flusher = Flusher(buffers, request_rows=100)
    buffers.add_requests([*_requests(1), *HOSTILE, *_requests(1, start=1)])
    buffers.add_events([EventRow(at=1.0, kind="\udfff"), EventRow(at=2.0, kind="node")])
    flusher.flush(runtime)
    assert _kept(runtime) == [1, 0]
    assert [number for number, *_ in _packs(runtime)] == [2], "in one pack as ever, and not one by one"
    assert (buffers.dropped_requests, buffers.dropped_events) == (2, 1)
    assert (flusher.failed_flushes, flusher.error != "") == (3, True)


def test_a_batch_of_nothing_but_hostile_records_is_dropped(runtime: Database) -> None:
    buffers = Buffers()
    flusher = Flusher(buffers, request_rows=100)
    buffers.add_requests(HOSTILE)
    flusher.flush(runtime)
    assert (buffers.dropped_requests, _packs(runtime)) == (2, [])


def test_a_missing_table_costs_the_batch_and_not_the_thread(runtime: Database) -> None:
    with runtime.writing() as connection:
        connection.exec_driver_sql("DROP TABLE request_packs")
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
        buffers.add_requests(_requests(40, start))
        flusher.flush(runtime)
        kept = _kept(runtime)
        assert kept[0] == start + 39
        assert min(100, start + 40) <= len(kept) <= 150
        assert kept == list(range(start + 40 - len(kept), start + 40))[::-1]


def test_an_empty_buffer_opens_no_transaction(runtime: Database) -> None:
    with closing(sqlite3.connect(runtime.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        flusher = Flusher(Buffers(), request_rows=100)
        flusher.flush(runtime)
        assert flusher.failed_flushes == 0
        other.execute("ROLLBACK")
