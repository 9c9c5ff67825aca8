"""Live settings, and the audit of who changed what."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from llmlb.store import tables
from llmlb.store.desk import Desk
from llmlb.store.queries import append_audit_rows, rows_of, selecting
from llmlb.store.rows import AuditRow

LARGEST_PAGE = 1000


class LedgerVerbs(Desk):
    """What the store does for settings and for the audit."""

    async def load_settings(self) -> dict[str, tuple[str, str]]:
        """Live changes by key: the value, and the configured value that it replaced, both as JSON."""
        query = select(tables.settings.c.key, tables.settings.c.value_json, tables.settings.c.base_json)
        return await self._read(lambda connection: {row[0]: (row[1], row[2]) for row in connection.execute(query)})

    async def save_setting(self, key: str, value_json: str, *, base_json: str, audit: AuditRow | None = None) -> None:
        await self.save_settings({key: (value_json, base_json)}, audit=audit)

    async def save_settings(self, changes: Mapping[str, tuple[str, str]], *, audit: AuditRow | None = None) -> None:
        """Writes all of them or none. changes: key to (value_json, base_json)."""

        def save(connection: Connection) -> None:
            for key, (value_json, base_json) in changes.items():
                values = {"value_json": value_json, "base_json": base_json}
                row = insert(tables.settings).values(key=key, **values)
                connection.execute(row.on_conflict_do_update(index_elements=["key"], set_=values))

        await self._write(save, audit=audit)

    async def delete_setting(self, key: str, *, audit: AuditRow | None = None) -> None:
        """Forgets a live change: the configured value counts again."""
        query = delete(tables.settings).where(tables.settings.c.key == key)
        await self._write(lambda connection: connection.execute(query), audit=audit)

    async def append_audit(self, row: AuditRow) -> None:
        """Adds a row that belongs to no other change, a login for instance."""
        await self._write(lambda connection: append_audit_rows(connection, (row,)))

    async def list_audit(self, limit: int = 100, before: int | None = None) -> tuple[AuditRow, ...]:
        """The newest rows first. before: only rows older than this id, for the next page."""
        where = () if before is None else (tables.audit.c.id < before,)
        query = selecting(tables.audit, AuditRow, *where).order_by(tables.audit.c.id.desc())
        page = query.limit(min(max(limit, 0), LARGEST_PAGE))
        return await self._read(lambda connection: rows_of(connection, AuditRow, page))

    async def load_meta(self) -> dict[str, str]:
        """Facts about the store itself: created_at (RFC 3339) and created_by (a version), and what was added."""
        query = select(tables.meta.c.key, tables.meta.c.value)
        return await self._read(lambda connection: {row[0]: row[1] for row in connection.execute(query)})

    async def save_meta(self, key: str, value: str) -> None:
        row = insert(tables.meta).values(key=key, value=value)
        query = row.on_conflict_do_update(index_elements=["key"], set_={"value": value})
        await self._write(lambda connection: connection.execute(query))
