"""One SQLite file: how it is opened, and how a transaction on it begins and ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Literal

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from llmlb.errors import StoreBusy
from llmlb.store.failures import store_error

Synchronous = Literal["FULL", "NORMAL"]

PATIENCE_S = 4.5
"""How long to wait for another process's lock where no deadline says otherwise: less than a caller waits."""

STEPS_BETWEEN_LOOKS = 10_000
"""Of SQLite's machine: some tenths of a second where the rows are large, a millisecond where they are small."""


class Database:
    """A connection to one file; it belongs to the thread that made it.

    synchronous: FULL syncs at every commit, NORMAL only at checkpoints (a power cut may take the last seconds, a
    killed process takes nothing).
    """

    def __init__(self, path: Path, *, synchronous: Synchronous) -> None:
        self.path = path
        # isolation_level None: the driver begins nothing on its own, `transaction` says BEGIN itself.
        self._engine = create_engine(
            URL.create("sqlite", database=str(path)),
            poolclass=NullPool,
            connect_args={"isolation_level": None, "timeout": PATIENCE_S},
        )
        with self.translating():
            self._connection = self._engine.connect()
            try:
                self._prepare(synchronous)
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self, synchronous: Synchronous) -> None:
        self.pragma("auto_vacuum = INCREMENTAL")  # takes effect in a new file only, and before the WAL
        self.pragma("journal_mode = WAL")
        self.pragma(f"synchronous = {synchronous}")
        self.pragma("journal_size_limit = 67108864")
        self.pragma("cache_size = -512")  # KiB: rows are added at the end, and the system caches what is read
        self.pragma("trusted_schema = OFF")
        self.pragma("cell_size_check = ON")

    def pragma(self, text: str) -> list[tuple[object, ...]]:
        """Runs a PRAGMA outside any transaction."""
        return [tuple(row) for row in self.outside_transaction(f"PRAGMA {text}")]

    def outside_transaction(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Runs one statement that SQLite refuses inside a transaction."""
        with self.translating(), self._connection.begin():
            result = self._connection.exec_driver_sql(sql, values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def release_pages(self, pages: int) -> None:
        """Gives up to so many free pages at the end of the file back to the disk."""
        with self.translating():
            driver = self._connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            # A script is stepped to its end; a plain execute stops after one page, as no row comes back.
            driver.executescript(f"PRAGMA incremental_vacuum({pages})")
            self._connection.rollback()

    @contextmanager
    def reading(self, *, may_go_on: Callable[[], bool] | None = None) -> Iterator[Connection]:
        """A consistent view of the file.

        may_go_on: asked now and then; False ends a long search with StoreBusy, because nobody waits for it any more.
        """
        with self.translating(), self._connection.begin():
            self._connection.exec_driver_sql("BEGIN")
            with nullcontext() if may_go_on is None else self._asking(may_go_on):
                yield self._connection

    @contextmanager
    def writing(
        self, *, patience_s: float = PATIENCE_S, may_commit: Callable[[], bool] = lambda: True
    ) -> Iterator[Connection]:
        """A transaction that is committed whole or not at all.

        patience_s: how long to wait for another process's lock.  may_commit: asked last; False rolls back and
        raises StoreBusy, because whoever wanted this has been told that it did not happen.
        """
        with self.translating():
            self._connection.exec_driver_sql(f"PRAGMA busy_timeout = {max(1, int(patience_s * 1000))}")
            self._connection.rollback()
            with self._connection.begin():
                self._connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield self._connection
                if not may_commit():
                    raise StoreBusy("The deadline ran out before the change was written; nothing was changed.")

    @contextmanager
    def _asking(self, may_go_on: Callable[[], bool]) -> Iterator[None]:
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_progress_handler(lambda: not may_go_on(), STEPS_BETWEEN_LOOKS)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Turns the errors of the driver into llmlb's."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise store_error(error, self.path) from error

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()
