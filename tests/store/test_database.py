"""Transactions on one file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from llmlb.errors import StoreBusy
from llmlb.store import tables
from llmlb.store.database import Database


def _database(tmp_path: Path) -> Database:
    database = Database(tmp_path / "llmlb.db", synchronous="FULL")
    with database.writing() as connection:
        tables.MAIN.create_all(connection)
    return database


def _values(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(select(tables.meta.c.value)).scalars())


def _put(database: Database, key: str) -> None:
    with database.writing() as connection:
        connection.execute(insert(tables.meta).values(key=key, value=key))


def test_the_file_is_in_wal_mode_with_the_sync_that_was_asked_for(tmp_path: Path) -> None:
    for name, synchronous, code in (("a.db", "FULL", 2), ("b.db", "NORMAL", 1)):
        with closing(Database(tmp_path / name, synchronous=synchronous)) as database:  # type: ignore[arg-type]  # from a table
            assert database.pragma("journal_mode") == [("wal",)]
            assert database.pragma("synchronous") == [(code,)]
            assert database.pragma("auto_vacuum") == [(2,)]


def _write_and_fail(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(insert(tables.meta).values(key="k", value="v"))
        raise ZeroDivisionError


def test_an_error_inside_a_transaction_leaves_nothing_behind(tmp_path: Path) -> None:
    with closing(_database(tmp_path)) as database:
        with pytest.raises(ZeroDivisionError):
            _write_and_fail(database)
        assert _values(database) == []
        _put(database, "next")
        assert _values(database) == ["next"]


def test_a_caller_who_gave_up_gets_nothing_written(tmp_path: Path) -> None:
    with closing(_database(tmp_path)) as database:
        with pytest.raises(StoreBusy, match="nothing was changed"), database.writing(may_commit=lambda: False) as c:
            c.execute(insert(tables.meta).values(key="k", value="v"))
        assert _values(database) == []


def test_a_writer_takes_the_lock_at_once_and_not_at_its_first_write(tmp_path: Path) -> None:
    with (
        closing(_database(tmp_path)) as database,
        closing(sqlite3.connect(tmp_path / "llmlb.db", timeout=0, isolation_level=None)) as other,
    ):
        with database.writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")


def test_a_reader_is_not_stopped_by_another_process_that_writes(tmp_path: Path) -> None:
    with (
        closing(_database(tmp_path)) as database,
        closing(sqlite3.connect(tmp_path / "llmlb.db", isolation_level=None)) as other,
    ):
        _put(database, "seen")
        other.execute("BEGIN EXCLUSIVE")
        assert _values(database) == ["seen"]
        other.execute("ROLLBACK")


def test_deleted_rows_give_their_space_back(tmp_path: Path) -> None:
    with closing(_database(tmp_path)) as database:
        with database.writing() as connection:
            connection.execute(insert(tables.meta), [{"key": str(n), "value": "x" * 3000} for n in range(200)])
        with database.writing() as connection:
            connection.execute(tables.meta.delete())
        pages = database.pragma("page_count")[0][0]
        database.release_pages(1000)
        left = database.pragma("page_count")[0][0]
        assert isinstance(pages, int)
        assert isinstance(left, int)
        assert left < pages / 2


def test_a_path_with_odd_characters_is_a_path(tmp_path: Path) -> None:
    directory = tmp_path / "50% of ?a#b &c"
    directory.mkdir()
    with closing(_database(directory)) as database:
        _put(database, "k")
    assert (directory / "llmlb.db").exists()


def test_a_long_search_that_nobody_waits_for_any_more_ends(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    answers = iter([True, True, False])
    with closing(_database(tmp_path)) as database:
        with (
            pytest.raises(StoreBusy, match="deadline"),
            database.reading(may_go_on=lambda: next(answers)) as connection,
        ):
            connection.exec_driver_sql(endless).all()
        assert list(answers) == []
        _put(database, "k")
        assert _values(database) == ["k"]
