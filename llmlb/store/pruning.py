"""Forgets what is old enough, a little at a time, so that nobody waits long for the thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Table, delete, func, select

from llmlb.store import tables
from llmlb.store.rows import Retention

ROWS_AT_ONCE = 2000
PAGES_AT_ONCE = 2000
DAY_S = 86400.0


def prune_main(connection: Connection, retention: Retention, now_unix: float) -> int:
    """Deletes expired rejections and sessions, and at most a few thousand audit rows. 0: nothing is left to do."""
    rejections, sessions = tables.rejections.c, tables.revoked_sessions.c
    expired = connection.execute(delete(tables.rejections).where(rejections.until_unix <= now_unix)).rowcount
    expired += connection.execute(delete(tables.revoked_sessions).where(sessions.expires_at <= now_unix)).rowcount
    oldest_audit = now_unix - retention.audit_days * DAY_S
    expired += _delete_older(connection, tables.audit, "id", oldest_audit)
    return expired + _trim(connection, tables.audit, "id", retention.audit_rows)


def prune_runtime(connection: Connection, retention: Retention, now_unix: float) -> int:
    """Deletes old records, bodies and events, at most a few thousand of each. 0: nothing is left to do."""
    body_days = min(retention.body_days, retention.request_days)
    with _without_overwriting(connection):
        gone = _delete_older(connection, tables.request_packs, "number", now_unix - retention.request_days * DAY_S)
    gone += _delete_older(connection, tables.events, "id", now_unix - retention.event_days * DAY_S)
    gone += _delete_older(connection, tables.bodies, "number", now_unix - body_days * DAY_S)
    gone += _trim(connection, tables.events, "id", retention.event_rows)
    return gone + trim_requests(connection, retention.request_rows) + trim_bodies(connection, retention.body_bytes)


def trim_requests(connection: Connection, most_rows: int, *, at_once: int = ROWS_AT_ONCE) -> int:
    """Deletes the oldest packs and bodies beyond most_rows records of each, but only so many rows at once.

    A pack goes when its last record is too many: less than one more is there. Returns how many rows went.
    """
    with _without_overwriting(connection):
        gone = _trim(connection, tables.request_packs, "number", most_rows, at_once)
    return gone + _trim(connection, tables.bodies, "number", most_rows, at_once)


def trim_bodies(connection: Connection, most_bytes: int, *, at_once: int = ROWS_AT_ONCE) -> int:
    """Deletes the oldest bodies beyond so many bytes in all, but only so many at once. Returns how many went."""
    columns = tables.bodies.c
    # Served from the index alone, some tenths of a second for 200,000: the bodies themselves are not read.
    with_total = select(columns.at, func.sum(columns.size_bytes).over(order_by=columns.at.desc()).label("total"))
    totals = with_total.subquery()
    newest_surplus = select(func.max(totals.c.at)).where(totals.c.total > most_bytes)
    surplus_at = connection.execute(newest_surplus).scalar()
    if surplus_at is None:
        return 0
    surplus = select(columns.number).where(columns.at <= surplus_at).order_by(columns.at).limit(at_once)
    return connection.execute(delete(tables.bodies).where(columns.number.in_(surplus))).rowcount


@contextmanager
def _without_overwriting(connection: Connection) -> Iterator[None]:
    """Some builds of SQLite write zeros over what is deleted: more work than writing a pack, which holds no secret."""
    before = connection.exec_driver_sql("PRAGMA secure_delete").scalar_one()
    connection.exec_driver_sql("PRAGMA secure_delete = OFF")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA secure_delete = {before}")


def _trim(connection: Connection, table: Table, key: str, most_rows: int, at_once: int = ROWS_AT_ONCE) -> int:
    newest = connection.execute(select(func.max(table.c[key]))).scalar()
    if newest is None:
        return 0
    surplus = select(table.c[key]).where(table.c[key] <= newest - most_rows).limit(at_once)
    return connection.execute(delete(table).where(table.c[key].in_(surplus))).rowcount


def _delete_older(connection: Connection, table: Table, key: str, before_unix: float) -> int:
    old = select(table.c[key]).where(table.c.at < before_unix).limit(ROWS_AT_ONCE)
    return connection.execute(delete(table).where(table.c[key].in_(old))).rowcount
