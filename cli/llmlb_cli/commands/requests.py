"""llmlb requests list, get and tail"""

from __future__ import annotations

import shlex
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Event
from typing import TYPE_CHECKING, Annotated

from llmlb.client.address import QueryValue, segment
from llmlb_cli.columns import Column, Row
from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.exits import ExitCode, Failure, note, usage
from llmlb_cli.options import options_of
from llmlb_cli.output import Listing, line, show, show_object, write
from llmlb_cli.record_columns import ATTEMPTS, COSTS, LEFT_OUT, REQUEST_TAIL, REQUESTS
from llmlb_cli.spans import since_unix_s
from llmlb_cli.suggestions import did_you_mean
from llmlb_cli.tailing import RowWriter, follow

if TYPE_CHECKING:
    import typer

PATH = "/v0/requests"
OUTCOMES = ("answered", "failed", "cancelled", "refused")
PAGE = 1000
SHORTEST_WINDOW_S = 0.001
"""Nobody has a page of requests in less."""
POLL_S = 1.0
POLLED_ROWS = 200
ROUNDING_S = 1.0
KNOWN_IDS = 10_000
"""Two thousand are in the router's memory; what is older comes from its store only to fill a page."""

_TABLES: Mapping[str, tuple[str, Sequence[Column]]] = {
    "attempts": ("AttemptList", ATTEMPTS),
    "costs": ("CostList", COSTS),
    "left_out": ("LeftOutList", LEFT_OUT),
}
"""Of one request: what is shown to people as a table of its own."""

TAIL_CELLS: Mapping[str, int] = {"at": 8, "model": 18, "node_id": 12, "outcome": 9, "ttft_ms": 6, "total_ms": 6}


def list_requests(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only requests for this model.")] = None,
    node: Annotated[str | None, typer.Option("--node", metavar="ID", help="Only those that went to this node.")] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="ID", help="Only those of this API key.")] = None,
    outcome: Annotated[str | None, typer.Option(metavar="NAME", help=f"Only {', '.join(OUTCOMES)} ones.")] = None,
    status: Annotated[
        int | None, typer.Option(metavar="CODE", min=0, max=599, help="Only those answered with it.")
    ] = None,
    since: Annotated[str, typer.Option(metavar="WHEN", help="Only those since 1h ago, or since an instant.")] = "",
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="The newest N, before any filter; 0: all.")] = 100,
) -> None:
    """List requests of clients, newest first: where they went, how long they took, how they ended. Never their words.

    Examples:
      llmlb requests list
      llmlb requests list --outcome failed --since 1h
      llmlb requests list --limit 0 --since 1d -o csv > requests.csv
    """
    router = router_of(ctx)
    query = _query(model, node, key, outcome=outcome, status=status)
    if since:
        query["since"] = since_unix_s(since)
    show(Listing("RequestList", REQUESTS, _pages(router, query, limit)), router.view)


def get_request(
    ctx: typer.Context,
    request_id: Annotated[str, typer.Argument(metavar="ID", help="The request, as x-llmlb-request-id named it.")],
    curl: Annotated[bool, typer.Option("--curl", help="Print a curl command that repeats it.")] = False,
) -> None:
    """Show one request: the node it went to, why that one and why not the others, what each would have cost, every try.

    Left out are the nodes that could not be chosen at that moment: all of them counted, 20 at most by name.

    --curl needs its body, which is kept only with records.bodies = true, and shown to admins alone.

    Examples:
      llmlb requests get req_0a1b2c3d
      llmlb requests get req_0a1b2c3d -o json | jq .item.attempts
      llmlb requests get req_0a1b2c3d --curl
    """
    router = router_of(ctx)
    try:
        found = router.fields("GET", f"{PATH}/{segment(request_id)}")
    except Failure as failure:
        raise _with_similar_ids(failure, router, request_id) from failure
    if curl:
        line(curl_command(router.url, found))
        return
    if not router.view.is_human:
        show_object("Request", found, router.view, columns=REQUESTS)
        return
    shown = {name: value for name, value in found.items() if name not in _TABLES and value not in (None, "", {})}
    # A column of the list may tell two fields at once; here each has its own line.
    columns = [column for column in REQUESTS if column.cell is None]
    show_object("Request", shown, router.view, columns=columns)
    for name, (kind, of_table) in _TABLES.items():
        rows = found.get(name)
        if isinstance(rows, list) and rows and not router.view.fields:
            write("\n")
            show(Listing(kind, of_table, rows, name="node_id"), router.view)


def tail_requests(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only requests for this model.")] = None,
    node: Annotated[str | None, typer.Option("--node", metavar="ID", help="Only those that went to this node.")] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="ID", help="Only those of this API key.")] = None,
    outcome: Annotated[str | None, typer.Option(metavar="NAME", help=f"Only {', '.join(OUTCOMES)} ones.")] = None,
    status: Annotated[
        int | None, typer.Option(metavar="CODE", min=0, max=599, help="Only those answered with it.")
    ] = None,
    last: Annotated[int, typer.Option(metavar="N", min=0, max=1000, help="Begin with the last N.")] = 10,
) -> ExitCode:
    """Show requests as they end, until Ctrl-C. It goes on when the router was restarted. --limit N ends after N.

    Examples:
      llmlb requests tail
      llmlb requests tail --outcome failed
      llmlb requests tail -o jsonl | jq 'select(.total_ms > 5000)'
    """
    query = _query(model, node, key, outcome=outcome, status=status)
    view = router_of(ctx).view
    writer = RowWriter("RequestList", REQUEST_TAIL if view.format == "table" else REQUESTS, view, cells=TAIL_CELLS)
    seen = Seen(last)

    def read(router: Router) -> Iterator[Row | None]:
        while True:
            yield from seen.news(router, query)
            yield None
            Event().wait(POLL_S)

    return follow(ctx, read, writer, limit=options_of(ctx).limit)


class Seen:
    """Which requests were shown already, over restarts of the router. last: how many of the past are news at first."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._is_first = True
        self._known: OrderedDict[str, None] = OrderedDict()
        self._began_unix_s = 0.0

    def news(self, router: Router, query: Mapping[str, QueryValue | None]) -> list[Fields]:
        """What ended since it was last asked, oldest first."""
        first_rows = max(POLLED_ROWS, self._last)
        rows = router.rows(PATH, "requests", {**query, "limit": first_rows if self._is_first else POLLED_ROWS})
        if not self._is_first and len(rows) == POLLED_ROWS and str(rows[-1].get("id")) not in self._known:
            rows = router.rows(PATH, "requests", {**query, "limit": PAGE})
            if len(rows) == PAGE and str(rows[-1].get("id")) not in self._known:
                note(f"more than {PAGE} requests ended at once: some are not shown")
        fresh = [row for row in rows if str(row.get("id")) not in self._known]
        for row in reversed(fresh):
            self._known[str(row.get("id"))] = None
        while len(self._known) > KNOWN_IDS:
            self._known.popitem(last=False)
        if self._is_first:
            self._is_first = False
            self._began_unix_s = max(map(ended_unix_s, rows), default=0.0)
            return fresh[: self._last][::-1]
        # A restarted router fills its page from the store, with older ones that no page held before.
        return [row for row in reversed(fresh) if ended_unix_s(row) > self._began_unix_s - ROUNDING_S]


def ended_unix_s(row: Fields) -> float:
    """When a request ended, 0 where the record does not tell. Instants carry whole seconds."""
    at, total_ms = row.get("at"), row.get("total_ms")
    if not isinstance(at, str) or not isinstance(total_ms, int | float):
        return 0.0
    return since_unix_s(at) + total_ms / 1000


def curl_command(url: str, found: Fields) -> str:
    """A command line that sends the request again. Raises Failure when its body was not kept."""
    body, endpoint = found.get("request_body"), found.get("endpoint")
    if not isinstance(body, str) or not body or not isinstance(endpoint, str) or not endpoint:
        raise Failure(
            f"the body of {found.get('id')} was not kept, or is not for you",
            exit_code=ExitCode.NOT_FOUND,
            hint="records.bodies = true in config.toml keeps bodies of later requests; admins see them",
        )
    words = ["curl", "-sN", url + endpoint, "-H", "content-type: application/json", "--data-raw", body]
    return f'{shlex.join(words)} -H "authorization: Bearer $LLMLB_API_KEY"'


def _query(
    model: str | None, node: str | None, key: str | None, *, outcome: str | None, status: int | None
) -> dict[str, QueryValue | None]:
    if outcome is not None and outcome not in OUTCOMES:
        hint = did_you_mean(outcome, OUTCOMES) or f"the outcomes are {', '.join(OUTCOMES)}"
        raise usage(f'there is no outcome "{outcome}"', hint=hint)
    return {"model": model, "node": node, "key": key, "outcome": outcome, "status": status}


def _pages(router: Router, query: Mapping[str, QueryValue | None], limit: int) -> list[Fields]:
    """The newest ``limit`` records, or all of them for 0.

    A page holds what ended last, and the next one can only be asked for by arrival: a long request at its end would
    hide what came and went meanwhile. So whatever does not fit in one page is asked for in windows of arrival.
    """
    rows = _page(router, query, min(limit, PAGE) or PAGE)
    if 0 < limit <= PAGE or len(rows) < PAGE:
        return list(_by_id(rows).values())
    found: dict[str, Fields] = {}
    # What the page does not hold had ended by then, so it had arrived as well.
    before = max(*_arrivals(rows), *map(ended_unix_s, rows)) + ROUNDING_S
    while len(rows) == PAGE and (not limit or len(found) < limit):
        # Not the oldest of the page: a window from there on would often be too full, and be asked for twice.
        since = max(_arrivals(rows)[PAGE // 10], _number(query.get("since")))
        found.update(_by_id(_window(router, query, since, before)))
        before = since
        rows = _page(router, {**query, "before": before}, PAGE)
    return list({**found, **_by_id(rows)}.values())[: limit or None]


def _by_id(rows: Iterable[Fields]) -> dict[str, Fields]:
    """Each once: where its memory ends and its store begins, a router may tell of one twice."""
    return {str(row.get("id")): row for row in rows}


def _window(router: Router, query: Mapping[str, QueryValue | None], since: float, before: float) -> list[Fields]:
    """All records that arrived in a window; one that holds more than a page is halved."""
    rows = _page(router, {**query, "since": since, "before": before}, PAGE)
    if len(rows) < PAGE or before - since < SHORTEST_WINDOW_S:
        return rows
    middle = (since + before) / 2
    return _window(router, query, middle, before) + _window(router, query, since, middle)


def _page(router: Router, query: Mapping[str, QueryValue | None], size: int) -> list[Fields]:
    return router.rows(PATH, "requests", {**query, "limit": size})


def _arrivals(rows: Sequence[Fields]) -> list[float]:
    """The seconds in which they arrived, oldest first. Instants carry whole seconds."""
    return sorted(float(int(since_unix_s(str(row.get("at"))))) for row in rows)


def _number(value: object) -> float:
    return value if isinstance(value, float) else 0.0


def _with_similar_ids(failure: Failure, router: Router, request_id: str) -> Failure:
    if failure.exit_code is ExitCode.NOT_FOUND:
        known = [str(row.get("id")) for row in router.rows(PATH, "requests", {"limit": POLLED_ROWS})]
        failure.hint = did_you_mean(request_id, known) or "which there are: llmlb requests list"
    return failure
