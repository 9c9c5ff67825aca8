"""Forgets what is old enough, a little at a time, so that nobody waits long for the thread."""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, func, select, update

from llmlb.store import tables
from llmlb.store.rows import Retention

ROWS_AT_ONCE = 2000
PAGES_AT_ONCE = 2000
DAY_S = 86400.0


def prune_main(connection: Connection, retention: Retention, now_unix: float) -> int:
    """Deletes expired rejections, sessions and audit rows. Returns how many went."""
    rejections, sessions = tables.rejections.c, tables.revoked_sessions.c
    expired = connection.execute(delete(tables.rejections).where(rejections.until_unix <= now_unix)).rowcount
    expired += connection.execute(delete(tables.revoked_sessions).where(sessions.expires_at <= now_unix)).rowcount
    oldest_audit = now_unix - retention.audit_days * DAY_S
    return expired + _delete_older(connection, tables.audit, "id", oldest_audit)


def prune_runtime(connection: Connection, retention: Retention, now_unix: float) -> int:
    """Deletes old records and events and empties old bodies, at most a few thousand. 0: nothing is left to do."""
    columns = tables.requests.c
    gone = _delete_older(connection, tables.requests, "number", now_unix - retention.request_days * DAY_S)
    gone += _delete_older(connection, tables.events, "id", now_unix - retention.event_days * DAY_S)
    gone += trim_requests(connection, retention.request_rows)
    old_bodies = (
        select(columns.number)
        .where(columns.at < now_unix - retention.body_days * DAY_S)
        .where(columns.request_body.is_not(None) | columns.response_body.is_not(None))
        .limit(ROWS_AT_ONCE)
    )
    emptied = update(tables.requests).where(columns.number.in_(old_bodies))
    return gone + connection.execute(emptied.values(request_body=None, response_body=None)).rowcount


def trim_requests(connection: Connection, most_rows: int, *, at_once: int = ROWS_AT_ONCE) -> int:
    """Deletes the oldest records beyond most_rows, but only so many at once. Returns how many went."""
    columns = tables.requests.c
    newest = connection.execute(select(func.max(columns.number))).scalar()
    if newest is None:
        return 0
    surplus = select(columns.number).where(columns.number <= newest - most_rows).limit(at_once)
    return connection.execute(delete(tables.requests).where(columns.number.in_(surplus))).rowcount


def _delete_older(connection: Connection, table: Table, key: str, before_unix: float) -> int:
    old = select(table.c[key]).where(table.c.at < before_unix).limit(ROWS_AT_ONCE)
    return connection.execute(delete(table).where(table.c[key].in_(old))).rowcount
