"""llmlb nodes rotate-token"""

from __future__ import annotations

from typing import Annotated

import typer

from llmlb.client.address import segment
from llmlb_cli.consent import ask_context, ask_yes
from llmlb_cli.context import router_of
from llmlb_cli.exits import Failure, note
from llmlb_cli.output import line, show_object
from llmlb_cli.registry import NODES
from llmlb_cli.selection import with_similar_ids


def rotate_token(ctx: typer.Context, node_id: Annotated[str, typer.Argument(metavar="ID", help="The node.")]) -> None:
    """Replace a node's token. The new one is printed on stdout, once; the old one ends at once.

    Until its agent has the new one, the node's heartbeats are refused and it goes Offline.

    Examples:
      llmlb nodes rotate-token node-1
      llmlb nodes rotate-token node-1 --yes -q > token
      llmlb nodes rotate-token node-1 --dry-run
    """
    router = router_of(ctx)
    path = f"/v0/nodes/{segment(node_id)}"
    try:
        revision = router.fields("GET", path).get("revision")
        if not router.options.dry_run:
            if router.context.confirm == "type-name":
                ask_context(router.context.name, router.options)
            impact = ["its heartbeats are refused until its agent has the new token"]
            ask_yes(f"Replace the token of {node_id}?", router.options, impact=impact)
        answer = router.fields("POST", f"{path}/rotate-token", headers={"If-Match": str(revision)})
    except Failure as failure:
        raise with_similar_ids(failure, router, node_id) from failure
    if not router.view.is_human:
        show_object("Node", answer, router.view, columns=NODES)
        return
    line(str(answer.get("node_token", "")))
    if not router.options.quiet:
        note(f"replaced the token of {node_id}; give the new one, shown only now, to its agent as XLLM_TOKEN")
