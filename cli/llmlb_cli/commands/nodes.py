"""llmlb nodes list, get and add"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from llmlb.client.address import segment
from llmlb_cli.ages import nodes_with_ages
from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.exits import Failure, usage
from llmlb_cli.judging import judge_new_id
from llmlb_cli.output import Listing, line, show, show_object, write
from llmlb_cli.registry import HISTORY, NODES
from llmlb_cli.selection import with_similar_ids

if TYPE_CHECKING:
    import typer

STATES = ("pending", "online", "offline")


def list_nodes(
    ctx: typer.Context,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Only pending, online or offline nodes.")] = None,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only nodes that have this model.")] = None,
    q: Annotated[str | None, typer.Option("--q", metavar="TEXT", help="Only nodes whose id or name has it.")] = None,
) -> None:
    """List the nodes with their state, load and heartbeats.

    Examples:
      llmlb nodes list
      llmlb nodes list --state online --sort-by -gpu,id
      llmlb nodes list -o csv --fields id,state,vram > nodes.csv
      llmlb nodes list --state pending -o name | llmlb nodes approve --yes -f -
    """
    if state is not None and state not in STATES:
        raise usage(f'there is no state "{state}"', hint=f"the states are {', '.join(STATES)}")
    router = router_of(ctx)
    rows = router.rows("/v0/nodes", "nodes", {"state": state, "model": model, "q": q})
    show(Listing("NodeList", nodes_with_ages(NODES, rows), rows, sort_by=("id",)), router.view)


def get_nodes(
    ctx: typer.Context, ids: Annotated[list[str], typer.Argument(metavar="ID...", help="The nodes.")]
) -> None:
    """Show everything about one node or several, the last ten points of their history included.

    Examples:
      llmlb nodes get node-1
      llmlb nodes get node-1 node-2 -o json
      llmlb nodes get node-1 -o json | jq .item.history
    """
    router = router_of(ctx)
    found = [_node(router, node_id) for node_id in ids]
    if len(found) > 1 and not router.view.is_human:
        show(Listing("NodeList", NODES, found), router.view)
        return
    columns = nodes_with_ages(NODES, found)
    for index, node in enumerate(found):
        if index:
            line()
        history = node.get("history")
        shown = {name: value for name, value in node.items() if name != "history"} if router.view.is_human else node
        show_object("Node", shown, router.view, columns=columns)
        if router.view.is_human and isinstance(history, list) and history and not router.view.fields:
            write("\n")
            show(Listing("HistoryPointList", HISTORY, history), router.view)


def add_node(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The engine's address, as the router reaches it.")],
    node_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The node's id; default: the router chooses.")
    ] = None,
    api_key_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="A file with the engine's own API key; - is stdin.")
    ] = None,
    max_concurrency: Annotated[int | None, typer.Option(metavar="N", min=1, help="Requests it gets at once.")] = None,
    capability_score: Annotated[int | None, typer.Option(metavar="POINTS", min=0, help="How capable it is.")] = None,
) -> None:
    """Add an engine that has no agent. It is approved at once, and the router asks it for its state itself.

    Examples:
      llmlb nodes add http://10.0.0.7:8000
      llmlb nodes add http://10.0.0.7:8000 --node-id gpu-7 --max-concurrency 16
      llmlb nodes add https://engine.example --api-key-file engine.key
      llmlb nodes add http://10.0.0.7:8000 --dry-run
    """
    router = router_of(ctx)
    body = {
        "url": url,
        "agent": False,
        "node_id": node_id,
        "api_key": _key_from(api_key_file),
        "max_concurrency": max_concurrency,
        "capability_score": capability_score,
    }
    if router.options.dry_run and node_id:
        judge_new_id(router, node_id)
    answer = router.fields("POST", "/v0/nodes", body={name: each for name, each in body.items() if each is not None})
    added = str(answer.get("node_id", ""))
    if not router.view.is_human:
        # The token is of no use to a node that sends no heartbeats, and a secret that nobody needs is not shown.
        item = {"id": added, **{name: each for name, each in answer.items() if name not in ("node_id", "node_token")}}
        show_object("Node", item, router.view, columns=NODES)
        return
    state = str(answer.get("state", "")).capitalize()
    line(f"added {added} ({state}{' until it answers' if state == 'Offline' else ''})  next: llmlb nodes get {added}")


def _node(router: Router, node_id: str) -> Fields:
    try:
        return router.fields("GET", f"/v0/nodes/{segment(node_id)}")
    except Failure as failure:
        raise with_similar_ids(failure, router, node_id) from failure


def _key_from(file: str | None) -> str | None:
    if file is None:
        return None
    try:
        text = sys.stdin.readline() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise usage(f"cannot read {file}: {reason}", hint="--api-key-file wants a file with the key") from error
    return text.strip()
