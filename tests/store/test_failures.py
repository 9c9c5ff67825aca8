"""SQLite's errors in llmlb's words, each provoked for real."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert

from llmlb.errors import LlmlbError, StoreBusy, StoreCorrupt, StoreError, StoreFull
from llmlb.store import tables
from llmlb.store.database import Database
from llmlb.store.failures import store_error


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with closing(Database(tmp_path / "llmlb.db", synchronous="FULL")) as database, database.writing() as connection:
        tables.MAIN.create_all(connection)
    return tmp_path / "llmlb.db"


def _write(database: Database, value: str = "x") -> None:
    with database.writing(patience_s=0.05) as connection:
        connection.execute(insert(tables.meta).values(key="k", value=value))


def test_a_lock_held_by_another_process_is_busy_and_may_be_retried(path: Path) -> None:
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        closing(Database(path, synchronous="FULL")) as database,
    ):
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusy, match="locked") as caught:
            _write(database)
        other.execute("ROLLBACK")
        assert caught.value.retryable
        _write(database)


def test_a_full_disk_is_full(path: Path) -> None:
    with closing(Database(path, synchronous="FULL")) as database:
        pages = database.pragma("page_count")[0][0]
        database.pragma(f"max_page_count = {pages}")
        with pytest.raises(StoreFull, match="no space left"):
            _write(database, "x" * 100_000)
        database.pragma("max_page_count = 100000")
        _write(database, "x" * 100_000)


def test_a_file_that_may_not_be_written_says_so(path: Path) -> None:
    with closing(Database(path, synchronous="FULL")) as database:
        database.pragma("query_only = ON")
        with pytest.raises(StoreFull, match="cannot be written"):
            _write(database)


def test_a_file_of_something_else_is_corrupt_and_names_the_restore_command(tmp_path: Path) -> None:
    path = tmp_path / "llmlb.db"
    path.write_bytes(b"this is not a database, it is a text " * 100)
    with pytest.raises(StoreCorrupt, match=rf"{path}.*llmlb db restore --data-dir {tmp_path}"):
        Database(path, synchronous="FULL")


def test_a_missing_table_is_corrupt(path: Path) -> None:
    with closing(Database(path, synchronous="FULL")) as database:
        with database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE meta")
        with pytest.raises(StoreCorrupt, match="no such table"):
            _write(database)


def test_a_damaged_file_of_records_is_not_to_be_restored_but_moved(tmp_path: Path) -> None:
    path = tmp_path / "runtime.db"
    path.write_bytes(b"not a database " * 100)
    with pytest.raises(StoreCorrupt, match="move it"):
        Database(path, synchronous="NORMAL")


def test_a_duplicate_is_an_error_of_its_own(path: Path) -> None:
    with closing(Database(path, synchronous="FULL")) as database:
        _write(database)
        with pytest.raises(StoreError, match="contradicts") as caught:
            _write(database)
        assert type(caught.value) is StoreError


def test_a_directory_in_the_files_place_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "llmlb.db").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        Database(tmp_path / "llmlb.db", synchronous="FULL")


@pytest.mark.parametrize(("code", "kind"), [(266, StoreError), (5, StoreBusy), (773, StoreBusy), (1032, StoreFull)])
def test_extended_codes_count_as_their_primary_one(code: int, kind: type[LlmlbError]) -> None:
    error = sqlite3.OperationalError("something")
    error.sqlite_errorcode = code
    assert type(store_error(error, Path("llmlb.db"))) is kind


def test_an_error_of_ours_stays_what_it_is() -> None:
    error = StoreBusy()
    assert store_error(error, Path("llmlb.db")) is error
