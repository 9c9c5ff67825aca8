"""The store: what llmlb remembers, opened, kept and closed."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from types import TracebackType

from llmlb.clock import monotonic_s, unix_s
from llmlb.errors import StoreError
from llmlb.store import backups, pruning
from llmlb.store.buffers import Buffers
from llmlb.store.calls import Turn
from llmlb.store.database import Database
from llmlb.store.flush import Flusher
from llmlb.store.ledger import LedgerVerbs
from llmlb.store.lock import DirectoryLock
from llmlb.store.migration import revision_of
from llmlb.store.nodes import NodeVerbs
from llmlb.store.opening import prepare
from llmlb.store.people import PeopleVerbs
from llmlb.store.places import Places, make_private_directory, places_of
from llmlb.store.records import RecordVerbs
from llmlb.store.rows import CheckReport, Retention, StoreSize, StoreStats
from llmlb.store.writer import FLUSH_INTERVAL_S, Writer

DEADLINE_S = 5.0
LONG_DEADLINE_S = 120.0
"""For a check or a backup, which read a whole file."""


class Store(NodeVerbs, PeopleVerbs, LedgerVerbs, RecordVerbs):
    """Nodes, people, settings and audit in one file, records of the past in another.

    Awaited verbs answer within their deadline or raise StoreBusy; what a write acknowledged survives ``kill -9``
    and a power cut. ``enqueue_*`` never waits and may lose the last second. Usable from one event loop at a time.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        places: Places,
        lock: DirectoryLock | None,
        buffers: Buffers,
        flusher: Flusher,
        retention: Retention,
        deadline_s: float,
    ) -> None:
        super().__init__(writer, buffers, deadline_s=deadline_s)
        self._places = places
        self._lock = lock
        self._flusher = flusher
        self._retention = retention

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        url: str = "",
        retention: Retention | None = None,
        deadline_s: float = DEADLINE_S,
        flush_interval_s: float = FLUSH_INTERVAL_S,
        shared: bool = False,
    ) -> Store:
        """Opens the store of a data directory, making or upgrading its files; takes well under a second.

        url: ``sqlite:///FILE`` where the main file lies elsewhere.  shared: for a command beside a running
        router; otherwise the store is this process's alone, and a second router is refused with StoreBusy.
        Raises StoreCorrupt for a damaged file (left as it is), StoreError for one of a newer llmlb.
        """
        places = places_of(directory, url)
        retention = retention or Retention()
        make_private_directory(directory)
        make_private_directory(places.main.parent)
        lock = None if shared else DirectoryLock(places.lock)
        try:
            prepare(places, unix_s(), may_upgrade=not shared)
            buffers = Buffers()
            flusher = Flusher(buffers, request_rows=retention.request_rows, body_bytes=retention.body_bytes)
            writer = Writer(places, flusher, flush_interval_s=flush_interval_s)
            writer.start(deadline_s)
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        return cls(
            writer,
            places=places,
            lock=lock,
            buffers=buffers,
            flusher=flusher,
            retention=retention,
            deadline_s=deadline_s,
        )

    def close(self, timeout_s: float = DEADLINE_S) -> bool:
        """Writes what waits and closes the files. Blocks up to timeout_s; False: the disk is stuck, rows are lost."""
        is_ended = self._writer.stop(timeout_s)
        if is_ended and self._lock is not None:  # a stuck thread may still write: its lock ends with the process
            self._lock.release()
            self._lock = None
        return is_ended

    async def aclose(self, timeout_s: float = DEADLINE_S) -> bool:
        """As ``close``, without blocking the event loop."""
        return await asyncio.to_thread(self.close, timeout_s)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def stats(self) -> StoreStats:
        """How the write-behind fares, for metrics and for ``/health/ready``."""
        return StoreStats(
            waiting_calls=self._writer.waiting_calls,
            buffered_rows=len(self._buffers),
            dropped_requests=self._buffers.dropped_requests,
            dropped_bodies=self._buffers.dropped_bodies,
            dropped_events=self._buffers.dropped_events,
            dropped_counters=self._buffers.dropped_counters,
            failed_flushes=self._flusher.failed_flushes,
            error=self._flusher.error,
        )

    async def flush(self) -> None:
        """Writes the buffers now. A failure shows in ``stats`` and raises nothing."""
        await self._writer.call(lambda turn: self._flusher.flush(turn.runtime), deadline_s=self._deadline_s)

    async def prune(self, now_unix: float, *, budget_s: float = 10.0) -> int:
        """Forgets what is past its retention, in small steps between other calls. Returns how many rows went.

        budget_s: how long to go on; what is left is for the next time.
        """
        until_s = monotonic_s() + budget_s
        main = partial(pruning.prune_main, retention=self._retention, now_unix=now_unix)
        runtime = partial(pruning.prune_runtime, retention=self._retention, now_unix=now_unix)
        gone = step = await self._write(main)
        while step != 0 and monotonic_s() < until_s:
            step = await self._write(main)
            gone += step
        step = -1
        while step != 0 and monotonic_s() < until_s:
            step = await self._write_runtime(runtime)
            gone += step
        await self._writer.call(
            lambda turn: turn.runtime.release_pages(pruning.PAGES_AT_ONCE), deadline_s=self._deadline_s
        )
        return gone

    async def check(self) -> tuple[CheckReport, CheckReport]:
        """Reads both files whole and reports what SQLite finds wrong. Other calls wait meanwhile."""
        return await self._writer.call(
            lambda turn: (_report(turn.main), _report(turn.runtime)), deadline_s=LONG_DEADLINE_S
        )

    async def backup_to(self, path: Path) -> None:
        """Writes a consistent copy of the main file, readable by its owner only; the path must not exist yet."""
        await self._writer.call(lambda turn: backups.copy_to(turn.main, path), deadline_s=LONG_DEADLINE_S)

    async def backup_daily(self, now_unix: float) -> Path | None:
        """Backs the main file up unless today (UTC) has its backup, and keeps the newest few.

        Call it as often as you like; returns the new backup, or None when there was nothing to do.
        """

        def back_up(turn: Turn) -> Path | None:
            keep = self._retention.backups
            return backups.copy_daily(turn.main, self._places.backups, now_unix, keep=keep)

        return await self._writer.call(back_up, deadline_s=LONG_DEADLINE_S)

    def size(self) -> StoreSize:
        """How much disk the files take."""
        return StoreSize(main_bytes=_bytes_of(self._places.main), runtime_bytes=_bytes_of(self._places.runtime))


def _report(database: Database) -> CheckReport:
    try:
        schema = revision_of(database)
        problems = tuple(str(row[0]) for row in database.pragma("integrity_check(20)") if row[0] != "ok")
    except StoreError as error:
        return CheckReport(path=str(database.path), schema="", problems=(error.message,))
    return CheckReport(path=str(database.path), schema=schema, problems=problems)


def _bytes_of(path: Path) -> int:
    files = (path, Path(f"{path}-wal"), Path(f"{path}-shm"))
    return sum(file.stat().st_size for file in files if file.exists())
