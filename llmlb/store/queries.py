"""The few statements that every kind of row needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, insert, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from llmlb.store import tables
from llmlb.store.rows import AuditRow


class RowType(Protocol):
    """A class whose slots are named like the columns of its table."""

    __slots__: tuple[str, ...]


R = TypeVar("R", bound=RowType)


def values_of(row: RowType) -> dict[str, object]:
    """A row's fields by name."""
    return {name: getattr(row, name) for name in row.__slots__}


def selecting(table: Table, kind: type[RowType], *where: ColumnElement[bool]) -> Select[Any]:
    """A SELECT of exactly the columns that the kind of row has."""
    return select(*(table.c[name] for name in kind.__slots__)).where(*where)


def rows_of(connection: Connection, kind: type[R], query: Select[Any]) -> tuple[R, ...]:
    """The rows that a query finds, as values."""
    return tuple(kind(**row) for row in connection.execute(query).mappings())


def put(connection: Connection, table: Table, row: RowType) -> None:
    """Inserts a row, or replaces the one with its primary key. Another unique column still refuses a duplicate."""
    values = values_of(row)
    keys = [column.name for column in table.primary_key.columns]
    rest = {name: value for name, value in values.items() if name not in keys}
    connection.execute(sqlite_insert(table).values(values).on_conflict_do_update(index_elements=keys, set_=rest))


def append_audit_rows(connection: Connection, rows: Iterable[AuditRow]) -> None:
    """Adds to the audit; the file gives the ids."""
    values = [{name: value for name, value in values_of(row).items() if name != "id"} for row in rows]
    if values:
        connection.execute(insert(tables.audit), values)
