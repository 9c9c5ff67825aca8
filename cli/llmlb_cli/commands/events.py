"""llmlb events list and tail"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from llmlb.client.simple import events as feed_of
from llmlb.client.sse import ServerEvent
from llmlb.clock import rfc3339
from llmlb.errors import ClientError, ConfigurationError
from llmlb_cli.columns import Row
from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.failures import failure_of
from llmlb_cli.options import options_of
from llmlb_cli.output import Listing, show
from llmlb_cli.record_columns import EVENT_TAIL, EVENTS
from llmlb_cli.spans import since_unix_s
from llmlb_cli.tailing import RowWriter, follow
from llmlb_cli.text import clean_value

if TYPE_CHECKING:
    import typer

PATH = "/v0/events"
LIST_PATH = "/v0/events/recent"
PAGE = 1000
SILENCE_S = 40.0
"""The router says something every 15 s; after this it is gone, or a proxy swallows the stream."""

TAIL_CELLS: Mapping[str, int] = {"at": 8, "kind": 20, "node_id": 14}


def list_events(
    ctx: typer.Context,
    node: Annotated[str, typer.Option(metavar="ID", help="Only events of this node.")] = "",
    since: Annotated[str, typer.Option(metavar="WHEN", help="Only those since 1h ago, or since an instant.")] = "",
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="The newest N, before any filter; 0: all.")] = 100,
) -> None:
    """List what happened to the fleet, newest first: nodes that came and went, decisions, alerts, settings.

    Examples:
      llmlb events list
      llmlb events list --node gpu-1 --since 1d
      llmlb events list -o json | jq '.items[] | select(.kind == "offline")'
    """
    router = router_of(ctx)
    since_s = since_unix_s(since) if since else 0.0
    show(Listing("EventList", EVENTS, _pages(router, node, since_s, limit)), router.view)


def tail_events(
    ctx: typer.Context,
    node: Annotated[str, typer.Option(metavar="ID", help="Only events of this node.")] = "",
    last: Annotated[int, typer.Option(metavar="N", min=0, max=1000, help="Begin with the last N.")] = 10,
) -> ExitCode:
    """Show what happens to the fleet as it happens, until Ctrl-C. It goes on when the router was restarted.

    --limit N ends after N events.

    Examples:
      llmlb events tail
      llmlb events tail --node gpu-1
      llmlb events tail -o jsonl | jq 'select(.kind == "offline")'
    """
    view = router_of(ctx).view
    writer = RowWriter("EventList", EVENT_TAIL if view.format == "table" else EVENTS, view, cells=TAIL_CELLS)
    seen = Followed(node, last)
    return follow(ctx, seen.read, writer, limit=options_of(ctx).limit)


class Followed:
    """Where a tail stands in the feed, over restarts of the router.  last: how many of the past it begins with."""

    def __init__(self, node: str, last: int) -> None:
        self._node = node
        self._last = last
        self._is_first = True
        self._last_event_id = ""
        self._shown_id = 0

    def read(self, router: Router) -> Iterator[Row | None]:
        """The events of one connection, older ones that were missed first."""
        for event in self._events(router):
            if event.type == "snapshot":
                yield from self._missed(router, event)
            self._last_event_id = event.id or self._last_event_id
            row = None if event.type == "snapshot" else event_row(event)
            yield row if row is not None and self._is_wanted(row) else None

    def _missed(self, router: Router, snapshot: ServerEvent) -> Iterator[Row]:
        """A feed that cannot resume begins with a snapshot: what came before it is in the list."""
        wanted = self._last if self._is_first else PAGE
        rows = self._listed(router, wanted) if wanted else []
        self._is_first = False
        # What lies behind the snapshot comes through the feed itself.
        upto = int(snapshot.id) if snapshot.id.isdigit() else 0
        yield from (row for row in reversed(rows) if _id_of(row) <= upto and self._is_wanted(row))

    def _listed(self, router: Router, limit: int) -> list[Fields]:
        try:
            return router.rows(LIST_PATH, "events", {"limit": limit, "node": self._node or None})
        except Failure as failure:
            if failure.exit_code is not ExitCode.NOT_FOUND:
                raise
            # A router from before the list: what comes now can be followed all the same.
            return []

    def _is_wanted(self, row: Row) -> bool:
        if _id_of(row) <= self._shown_id or (self._node and row.get("node_id") != self._node):
            return False
        self._shown_id = _id_of(row)
        return True

    def _events(self, router: Router) -> Iterator[ServerEvent]:
        target = router.target
        try:
            yield from feed_of(
                target.url,
                PATH,
                token=target.token,
                last_event_id=self._last_event_id,
                timeout_s=SILENCE_S,
                ca_file=target.ca_file or None,
            )
        except (ClientError, ConfigurationError) as error:
            raise failure_of(error, context=router.description) from error


def event_row(event: ServerEvent) -> Fields | None:
    """The feed's event in the shape of the list; None for figures that merely moved."""
    data = clean_value(event.data)
    change = data.get("change") if isinstance(data, dict) else None
    if not isinstance(change, dict) or not event.id.isdigit():
        return None
    at, found = change.get("at_unix_s"), data.get("alert") if isinstance(data, dict) else None
    alert = found if isinstance(found, dict) else {}
    return {
        "id": int(event.id),
        "at": rfc3339(at) if isinstance(at, int | float) else None,
        "type": event.type,
        "kind": change.get("kind"),
        "node_id": change.get("node_id"),
        "rule": str(alert.get("rule") or ""),
        "subject": str(alert.get("subject") or ""),
        "cause": change.get("cause"),
        "actor": change.get("actor"),
    }


def _pages(router: Router, node: str, since_s: float, limit: int) -> list[Fields]:
    """The newest ``limit`` events, or all that are known for 0, a page at a time."""
    found: list[Fields] = []
    before: int | None = None
    while not limit or len(found) < limit:
        size = min(PAGE, limit - len(found)) if limit else PAGE
        query = {"limit": size, "before": before, "node": node or None, "since": since_s or None}
        rows = router.rows(LIST_PATH, "events", query)
        found += rows
        if len(rows) < size:
            break
        before = _id_of(rows[-1])
    return found


def _id_of(row: Row) -> int:
    value = row.get("id")
    if not isinstance(value, int):
        raise Failure("an event came without a number", hint="are both of one version?")
    return value
