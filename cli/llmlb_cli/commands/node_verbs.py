"""llmlb nodes approve, reject, drain, undrain and delete"""

from __future__ import annotations

from typing import Annotated

import typer

from llmlb_cli.context import router_of
from llmlb_cli.exits import ExitCode, note
from llmlb_cli.node_actions import APPROVE, DELETE, DRAIN, REJECT, UNDRAIN, NodeAction, carry_out
from llmlb_cli.selection import chosen_ids

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="The nodes.", show_default=False)]
File = Annotated[str, typer.Option("-f", "--file", metavar="FILE", help="Read ids, one a line; - is stdin.")]
AllPending = Annotated[bool, typer.Option("--all-pending", help="Every node that waits for approval.")]


def approve(ctx: typer.Context, ids: Ids = None, file: File = "", all_pending: AllPending = False) -> ExitCode:
    """Let pending nodes take requests. Several at once ask first.

    Examples:
      llmlb nodes approve node-1
      llmlb nodes approve --all-pending --yes
      llmlb nodes list --state pending -o name | llmlb nodes approve --yes -f -
    """
    return _act(ctx, APPROVE, ids, file, all_pending=all_pending)


def reject(ctx: typer.Context, ids: Ids = None, file: File = "", all_pending: AllPending = False) -> ExitCode:
    """Turn nodes away: each is removed, and its id is refused for 24 hours or until it is approved.

    Examples:
      llmlb nodes reject node-7
      llmlb nodes reject --all-pending --yes
      llmlb nodes reject --filter 'state:pending seen>1h' --dry-run
    """
    return _act(ctx, REJECT, ids, file, all_pending=all_pending)


def drain(ctx: typer.Context, ids: Ids = None, file: File = "") -> ExitCode:
    """Give nodes no new work. What they have they finish; they keep sending heartbeats.

    Examples:
      llmlb nodes drain node-1
      llmlb nodes drain node-1 node-2 --yes
      llmlb nodes drain --filter 'tag:rack=3' --dry-run
    """
    return _act(ctx, DRAIN, ids, file)


def undrain(ctx: typer.Context, ids: Ids = None, file: File = "") -> ExitCode:
    """Give drained nodes work again.

    Examples:
      llmlb nodes undrain node-1
      llmlb nodes undrain --filter 'tag:rack=3'
      llmlb nodes list --filter state:draining -o name | llmlb nodes undrain --yes -f -
    """
    return _act(ctx, UNDRAIN, ids, file)


def delete(ctx: typer.Context, ids: Ids = None, file: File = "") -> ExitCode:
    """Remove nodes and their tokens. An agent that still runs registers again, as pending.

    One node asks for its id, several ask for their number; in scripts give it with --confirm.

    Examples:
      llmlb nodes delete node-7
      llmlb nodes delete node-7 --confirm=node-7
      llmlb nodes delete -f gone.txt --confirm=12
    """
    return _act(ctx, DELETE, ids, file)


def _act(
    ctx: typer.Context, action: NodeAction, ids: list[str] | None, file: str, *, all_pending: bool = False
) -> ExitCode:
    router = router_of(ctx)
    chosen = chosen_ids(ids or [], file, router, all_pending=all_pending, verb=action.verb)
    is_found = all_pending or bool(router.options.filter)
    if not chosen:
        if not router.options.quiet:
            note(f"no node {'matches' if router.options.filter else 'is pending'}, nothing to do")
        return ExitCode.OK
    return carry_out(action, chosen, router, is_single=len(chosen) == 1 and not is_found)
