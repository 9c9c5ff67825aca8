"""Past events of the fleet for people: those of this run from memory, older ones from the store."""

from __future__ import annotations

import json
from collections.abc import Mapping

from llmlb.api.services import Services
from llmlb.clock import rfc3339
from llmlb.core.change import ChangeKind
from llmlb.errors import StoreError
from llmlb.store.rows import EventRow
from llmlb.telemetry.alert import AlertChangeKind
from llmlb.telemetry.events import FleetEvent
from llmlb.telemetry.feed import LISTED_EVENTS
from llmlb.telemetry.subscription import FeedEventType
from llmlb.wire.events import EventView

STORE_PAGE = 1000
_ALERT_KINDS = frozenset(kind.value for kind in AlertChangeKind)


async def list_events(
    services: Services, limit: int, *, before: int | None, node_id: str | None, since_unix_s: float
) -> list[EventView]:
    """The newest events that match, newest first.

    before: an event's id; only older ones. An event of an earlier run has another id than the feed gave it then; the
    order of ids holds all the same: those of a run are microseconds since 1970, the store counts from 1.
    """
    listed = services.feed.events(limit, before_id=before, node_id=node_id)
    found = [_view_of(event) for event in listed if event.at_unix_s >= since_unix_s]
    if len(listed) == limit or len(found) < len(listed):
        return found
    oldest = services.feed.events(LISTED_EVENTS)[-1:]
    try:
        found += await _stored(
            services,
            limit - len(found),
            before=before,
            node_id=node_id,
            since_unix_s=since_unix_s,
            until_unix_s=oldest[0].at_unix_s if oldest else services.now_unix_s(),
        )
    except StoreError:
        # The recent ones are worth showing while the store is stuck.
        return found
    return found


async def _stored(
    services: Services,
    limit: int,
    *,
    before: int | None,
    node_id: str | None,
    since_unix_s: float,
    until_unix_s: float,
) -> list[EventView]:
    """Events from before this run: what is younger than until_unix_s is in memory as well."""
    found: list[EventView] = []
    while len(found) < limit:
        rows = await services.store.list_events(STORE_PAGE, before, node_id=node_id)
        for row in rows:
            if row.at < since_unix_s or len(found) == limit:
                return found
            if row.at < until_unix_s:
                found.append(_view_of_row(row))
        if len(rows) < STORE_PAGE:
            return found
        before = rows[-1].id
    return found


def _view_of(event: FleetEvent) -> EventView:
    return EventView(
        id=event.id,
        at=rfc3339(event.at_unix_s),
        type=event.type.value,
        kind=event.kind,
        node_id=event.node_id,
        cause=event.cause,
        actor=event.actor,
        **_alert_of(event.detail),
    )


def _view_of_row(row: EventRow) -> EventView:
    return EventView(
        id=row.id,
        at=rfc3339(row.at),
        type=_type_of(row).value,
        kind=row.kind,
        node_id=row.node_id,
        cause=row.cause,
        actor=row.actor,
        **_alert_of(json.loads(row.detail_json or "{}")),
    )


def _alert_of(detail: Mapping[str, object]) -> dict[str, str]:
    """Which alert an event tells of: its detail is the alert as it then was."""
    return {name: str(detail.get(name) or "") for name in ("rule", "subject")}


def _type_of(row: EventRow) -> FeedEventType:
    """The store keeps no type: it follows from what happened, and to whom."""
    if row.kind in _ALERT_KINDS:
        return FeedEventType.ALERT
    if row.kind == ChangeKind.SETTINGS:
        return FeedEventType.SETTINGS
    return FeedEventType.NODE if row.node_id else FeedEventType.FLEET
