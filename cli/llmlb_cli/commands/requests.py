"""llmlb requests list, get and tail"""

from __future__ import annotations

import shlex
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from threading import Event
from typing import Annotated

import typer

from llmlb.client.address import QueryValue, segment
from llmlb_cli.columns import Row
from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.exits import ExitCode, Failure, note, usage
from llmlb_cli.groups import options_of
from llmlb_cli.output import Listing, line, show, show_object, write
from llmlb_cli.record_columns import ATTEMPTS, REQUEST_TAIL, REQUESTS
from llmlb_cli.spans import since_unix_s
from llmlb_cli.suggestions import did_you_mean
from llmlb_cli.tailing import RowWriter, follow

PATH = "/v0/requests"
OUTCOMES = ("answered", "failed", "cancelled", "refused")
PAGE = 1000
POLL_S = 1.0
POLLED_ROWS = 200
ROUNDING_S = 1.0
KNOWN_IDS = 10_000
"""Two thousand are in the router's memory; what is older comes from its store only to fill a page."""

TAIL_CELLS: Mapping[str, int] = {"at": 8, "model": 18, "node_id": 12, "outcome": 9, "ttft_ms": 6, "total_ms": 6}

Model = Annotated[str | None, typer.Option(metavar="MODEL", help="Only requests for this model.")]
NodeId = Annotated[str | None, typer.Option("--node", metavar="ID", help="Only those that went to this node.")]
KeyId = Annotated[str | None, typer.Option("--key", metavar="ID", help="Only those of this API key.")]
Outcome = Annotated[str | None, typer.Option(metavar="NAME", help=f"Only {', '.join(OUTCOMES)} ones.")]
Status = Annotated[int | None, typer.Option(metavar="CODE", min=0, max=599, help="Only those answered with it.")]


def list_requests(
    ctx: typer.Context,
    model: Model = None,
    node: NodeId = None,
    key: KeyId = None,
    outcome: Outcome = None,
    status: Status = None,
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
    """Show one request: the node it went to, why that one, and every try that failed before.

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
    attempts = found.get("attempts")
    if not router.view.is_human:
        show_object("Request", found, router.view, columns=REQUESTS)
        return
    shown = {name: value for name, value in found.items() if name != "attempts" and value not in (None, "")}
    # A column of the list may tell two fields at once; here each has its own line.
    columns = [column for column in REQUESTS if column.cell is None]
    show_object("Request", shown, router.view, columns=columns)
    if isinstance(attempts, list) and attempts and not router.view.fields:
        write("\n")
        show(Listing("AttemptList", ATTEMPTS, attempts, name="node_id"), router.view)


def tail_requests(
    ctx: typer.Context,
    model: Model = None,
    node: NodeId = None,
    key: KeyId = None,
    outcome: Outcome = None,
    status: Status = None,
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
    """The newest ``limit`` records, or all of them for 0, a page at a time."""
    found: dict[str, Fields] = {}
    before: float | None = None
    while not limit or len(found) < limit:
        # Instants carry whole seconds, so a page begins within the second that the last one ended in.
        size = min(PAGE, limit) if limit and before is None else PAGE
        rows = router.rows(PATH, "requests", {**query, "limit": size, "before": before})
        fresh = {str(row.get("id")): row for row in rows if str(row.get("id")) not in found}
        found.update(list(fresh.items())[: limit - len(found) if limit else None])
        if len(rows) < size:
            break
        second = int(since_unix_s(str(rows[-1].get("at"))))
        # A second with more than a page of requests: the rest of it cannot be asked for.
        before = float(second + 1 if fresh else second)
    return list(found.values())


def _with_similar_ids(failure: Failure, router: Router, request_id: str) -> Failure:
    if failure.exit_code is ExitCode.NOT_FOUND:
        known = [str(row.get("id")) for row in router.rows(PATH, "requests", {"limit": POLLED_ROWS})]
        failure.hint = did_you_mean(request_id, known) or "which there are: llmlb requests list"
    return failure
