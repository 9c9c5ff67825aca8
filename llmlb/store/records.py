"""What happened: request records, what was said in them, and events; written behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement

from llmlb.store import tables
from llmlb.store.desk import Desk
from llmlb.store.ledger import LARGEST_PAGE
from llmlb.store.queries import rows_of, selecting
from llmlb.store.rows import BodyRow, EventRow, RequestFilter, RequestRow


class RecordVerbs(Desk):
    """What the store does for request records and events."""

    def enqueue_requests(self, batch: Iterable[RequestRow]) -> None:
        """Hands in records to be written within about a second. Never raises, never waits."""
        self._buffers.add_requests(batch)

    async def list_requests(self, limit: int = 100, filters: RequestFilter | None = None) -> tuple[RequestRow, ...]:
        """The newest records first."""
        found = selecting(tables.requests, RequestRow, *_conditions(filters or RequestFilter()))
        ordered = found.order_by(tables.requests.c.at.desc(), tables.requests.c.number.desc())
        page = ordered.limit(min(max(limit, 0), LARGEST_PAGE))
        return await self._read_runtime(lambda connection: rows_of(connection, RequestRow, page))

    async def get_request(self, request_id: str) -> RequestRow | None:
        query = selecting(tables.requests, RequestRow, tables.requests.c.id == request_id)
        rows = await self._read_runtime(lambda connection: rows_of(connection, RequestRow, query))
        return rows[0] if rows else None

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


def _conditions(filters: RequestFilter) -> Iterator[ColumnElement[bool]]:
    columns = tables.requests.c
    for name in ("model", "node_id", "key_id", "outcome", "status"):
        wanted = getattr(filters, name)
        if wanted is not None:
            yield columns[name] == wanted
    if filters.before is not None:
        yield columns.at < filters.before
    if filters.since is not None:
        yield columns.at >= filters.since
