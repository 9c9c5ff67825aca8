"""How long ago a node was seen, by the router's clock: a wrong clock here must not make nodes look away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from llmlb.clock import unix_s
from llmlb_cli.columns import Column, Row
from llmlb_cli.units import ABSENT, duration

TOLERATED_SKEW_S = 2.0
"""Instants carry whole seconds, and an answer takes its time: less is no skew."""


def nodes_with_ages(columns: Sequence[Column], rows: Sequence[Row], *, now_unix_s: float | None = None) -> list[Column]:
    """The columns of nodes, ``last_seen`` as an age."""
    now = unix_s() if now_unix_s is None else now_unix_s
    now -= skew_s(rows, now)

    def age(row: Row) -> str:
        at = seen_at_unix_s(row)
        return ABSENT if at is None else duration(max(0.0, now - at))

    return [column._replace(cell=age) if column.key == "last_seen" else column for column in columns]


def skew_s(rows: Sequence[Row], now_unix_s: float) -> float:
    """How far this machine's clock is ahead of the router's, 0 where it cannot be told.

    A node's figures came with a heartbeat, and ``metrics_age_seconds`` is their age by the router's clock. The last
    heartbeat is no older than the figures, so each node bounds the skew from below; where both came together, exactly.
    """
    bounds = []
    for row in rows:
        at, age = seen_at_unix_s(row), row.get("metrics_age_seconds")
        if at is not None and isinstance(age, int | float):
            bounds.append(now_unix_s - at - age)
    skew = max(bounds, default=0.0)
    return skew if abs(skew) > TOLERATED_SKEW_S else 0.0


def seen_at_unix_s(row: Row) -> float | None:
    """The instant of the last heartbeat, None when there was none or it cannot be read."""
    text = row.get("last_seen")
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
