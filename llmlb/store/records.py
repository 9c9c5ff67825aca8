"""What happened: request records, what was said in them, and events; written behind."""

from __future__ import annotations

from collections.abc import Iterable

from llmlb.core.record import EVERY_RECORD, ExchangeRecord, RecordFilter
from llmlb.store import tables
from llmlb.store.buffers import Buffers
from llmlb.store.desk import Desk
from llmlb.store.ledger import LARGEST_PAGE
from llmlb.store.queries import rows_of, selecting
from llmlb.store.reader import PackReader
from llmlb.store.rows import BodyRow, EventRow
from llmlb.store.writer import Writer


class RecordVerbs(Desk):
    """What the store does for request records and events."""

    def __init__(self, writer: Writer, buffers: Buffers, *, deadline_s: float) -> None:
        super().__init__(writer, buffers, deadline_s=deadline_s)
        self._reader = PackReader()

    def enqueue_requests(self, batch: Iterable[ExchangeRecord]) -> None:
        """Hands in records to be written within about a second; nobody changes them any more. Never raises or waits."""
        self._buffers.add_requests(batch)

    async def list_requests(self, limit: int = 100, filters: RecordFilter = EVERY_RECORD) -> tuple[ExchangeRecord, ...]:
        """The last to arrive of those that pass, newest first."""
        most = min(max(limit, 0), LARGEST_PAGE)
        return await self._read_runtime(lambda connection: self._reader.newest(connection, most, filters))

    async def get_request(self, request_id: str) -> ExchangeRecord | None:
        return await self._read_runtime(lambda connection: self._reader.find(connection, request_id))

    def enqueue_bodies(self, batch: Iterable[BodyRow]) -> None:
        """Hands in what was said, to be written within about a second. Never raises, never waits."""
        self._buffers.add_bodies(batch)

    async def get_body(self, request_id: str) -> BodyRow | None:
        """What was said in a request, if that was recorded and is still kept."""
        query = selecting(tables.bodies, BodyRow, tables.bodies.c.request_id == request_id)
        rows = await self._read_runtime(lambda connection: rows_of(connection, BodyRow, query))
        return rows[0] if rows else None

    def enqueue_events(self, batch: Iterable[EventRow]) -> None:
        """Hands in events to be written within about a second; the file gives their ids. Never raises."""
        self._buffers.add_events(batch)

    async def list_events(
        self, limit: int = 100, before: int | None = None, *, node_id: str | None = None
    ) -> tuple[EventRow, ...]:
        """The newest events first. before: only events older than this id, for the next page."""
        columns = tables.events.c
        where = [] if before is None else [columns.id < before]
        where += [] if node_id is None else [columns.node_id == node_id]
        query = selecting(tables.events, EventRow, *where).order_by(columns.id.desc())
        page = query.limit(min(max(limit, 0), LARGEST_PAGE))
        return await self._read_runtime(lambda connection: rows_of(connection, EventRow, page))
