"""What every verb of the store stands on: a turn on the thread, in a transaction, with its audit row."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from llmlb.store.buffers import Buffers
from llmlb.store.calls import Turn
from llmlb.store.queries import append_audit_rows
from llmlb.store.rows import AuditRow
from llmlb.store.writer import Writer

T = TypeVar("T")


class Desk:
    """Where calls are handed in. Every call raises StoreBusy, StoreFull or StoreCorrupt, never a driver's error."""

    def __init__(self, writer: Writer, buffers: Buffers, *, deadline_s: float) -> None:
        self._writer = writer
        self._buffers = buffers
        self._deadline_s = deadline_s

    async def _read(self, work: Callable[[Connection], T]) -> T:
        def in_turn(turn: Turn) -> T:
            with turn.main.reading() as connection:
                return work(connection)

        return await self._writer.call(in_turn, deadline_s=self._deadline_s)

    async def _write(self, work: Callable[[Connection], T], *, audit: AuditRow | None = None) -> T:
        """One transaction: the change and its audit row are both there afterwards, or neither."""

        def in_turn(turn: Turn) -> T:
            with turn.main.writing(patience_s=turn.patience_s, may_commit=turn.may_commit) as connection:
                result = work(connection)
                append_audit_rows(connection, () if audit is None else (audit,))
                return result

        return await self._writer.call(in_turn, deadline_s=self._deadline_s)

    async def _read_runtime(self, work: Callable[[Connection], T]) -> T:
        def in_turn(turn: Turn) -> T:
            with turn.runtime.reading(may_go_on=turn.is_wanted) as connection:
                return work(connection)

        return await self._writer.call(in_turn, deadline_s=self._deadline_s)

    async def _write_runtime(self, work: Callable[[Connection], T]) -> T:
        def in_turn(turn: Turn) -> T:
            with turn.runtime.writing(patience_s=turn.patience_s, may_commit=turn.may_commit) as connection:
                return work(connection)

        return await self._writer.call(in_turn, deadline_s=self._deadline_s)
