"""llmlb audit list"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from llmlb.client.address import QueryValue
from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.output import Listing, show
from llmlb_cli.record_columns import AUDIT
from llmlb_cli.spans import since_unix_s

if TYPE_CHECKING:
    import typer

PATH = "/v0/audit"
PAGE = 1000


def list_audit(
    ctx: typer.Context,
    actor: Annotated[str, typer.Option(metavar="NAME", help="Only what this user or key did.")] = "",
    action: Annotated[
        str, typer.Option(metavar="NAME", help="Only this action, or a group of them: node, login.")
    ] = "",
    since: Annotated[str, typer.Option(metavar="WHEN", help="Only since 1d ago, or since an instant.")] = "",
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="The newest N, before any filter; 0: all.")] = 100,
) -> None:
    """List who logged in and who changed what, newest first.

    Examples:
      llmlb audit list
      llmlb audit list --actor kim --since 7d
      llmlb audit list --action node --limit 0 -o csv > audit.csv
    """
    router = router_of(ctx)
    since_s = since_unix_s(since) if since else 0.0
    found: list[Fields] = []
    for row in _newest_first(router):
        if since_s and since_unix_s(str(row.get("at"))) < int(since_s):
            break
        if _is_wanted(row, actor, action):
            found.append(row)
        if limit and len(found) == limit:
            break
    show(Listing("AuditList", AUDIT, found, empty="no audit records"), router.view)


def _newest_first(router: Router) -> Iterator[Fields]:
    before: QueryValue | None = None
    while True:
        rows = router.rows(PATH, "audit", {"limit": PAGE, "before": before})
        yield from rows
        last = rows[-1].get("id") if rows else None
        if len(rows) < PAGE or not isinstance(last, int):
            return
        before = last


def _is_wanted(row: Fields, actor: str, action: str) -> bool:
    done = str(row.get("action"))
    return actor in ("", row.get("actor")) and (action in ("", done) or done.startswith(f"{action}."))
