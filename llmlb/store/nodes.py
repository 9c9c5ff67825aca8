"""The fleet as the operator left it: nodes, rejected ids, counters."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from llmlb.errors import StoreError
from llmlb.store import tables
from llmlb.store.desk import Desk
from llmlb.store.queries import put, rows_of, selecting
from llmlb.store.rows import AuditRow, NodeCounters, NodeRow


class NodeVerbs(Desk):
    """What the store does for nodes."""

    async def load_nodes(self) -> tuple[NodeRow, ...]:
        """Every node, oldest registration first."""
        query = selecting(tables.nodes, NodeRow).order_by(tables.nodes.c.registered_at, tables.nodes.c.id)
        return await self._read(lambda connection: rows_of(connection, NodeRow, query))

    async def save_node(self, row: NodeRow, *, audit: AuditRow | None = None) -> None:
        """Writes a node whole; it is on the disk when this returns."""
        await self._write(lambda connection: put(connection, tables.nodes, row), audit=audit)

    async def delete_node(self, node_id: str, *, audit: AuditRow | None = None) -> None:
        """Removes a node, its token with it. Its counters follow a moment later."""
        await self._write(lambda connection: _delete_node(connection, node_id), audit=audit)
        await self._forget_counters(node_id)

    async def reject_node(self, node_id: str, until_unix: float, *, audit: AuditRow | None = None) -> None:
        """Removes a node and remembers its id as rejected until then."""

        def reject(connection: Connection) -> None:
            _delete_node(connection, node_id)
            row = insert(tables.rejections).values(node_id=node_id, until_unix=until_unix)
            connection.execute(row.on_conflict_do_update(index_elements=["node_id"], set_={"until_unix": until_unix}))

        await self._write(reject, audit=audit)
        await self._forget_counters(node_id)

    async def lift_rejection(self, node_id: str, *, audit: AuditRow | None = None) -> None:
        query = delete(tables.rejections).where(tables.rejections.c.node_id == node_id)
        await self._write(lambda connection: connection.execute(query), audit=audit)

    async def load_rejections(self) -> dict[str, float]:
        """Rejected ids and until when, in unix seconds; expired ones too until ``prune``."""
        query = select(tables.rejections.c.node_id, tables.rejections.c.until_unix)
        return await self._read(lambda connection: {row[0]: row[1] for row in connection.execute(query)})

    def enqueue_counters(self, batch: Iterable[NodeCounters]) -> None:
        """Hands in totals to be written within about a second. Never raises, never waits."""
        self._buffers.add_counters(batch)

    async def load_counters(self) -> tuple[NodeCounters, ...]:
        query = selecting(tables.node_counters, NodeCounters).order_by(tables.node_counters.c.id)
        return await self._read_runtime(lambda connection: rows_of(connection, NodeCounters, query))

    async def _forget_counters(self, node_id: str) -> None:
        # The node is gone, and that was acknowledged; totals of the past must not turn that into a failure.
        self._buffers.forget_counters(node_id)
        query = delete(tables.node_counters).where(tables.node_counters.c.id == node_id)
        try:
            await self._write_runtime(lambda connection: connection.execute(query))
        except StoreError:
            return


def _delete_node(connection: Connection, node_id: str) -> None:
    connection.execute(delete(tables.nodes).where(tables.nodes.c.id == node_id))
