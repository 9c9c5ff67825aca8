"""llmlb nodes approve, reject, drain, undrain, delete and wait"""

from __future__ import annotations

from typing import Annotated

import typer

from llmlb_cli.context import Router, router_of
from llmlb_cli.exits import ExitCode, note, usage
from llmlb_cli.node_actions import APPROVE, DELETE, DRAIN, REJECT, UNDRAIN, NodeAction, carry_out
from llmlb_cli.node_waiting import condition_of, wait_for
from llmlb_cli.output import line
from llmlb_cli.selection import chosen_ids
from llmlb_cli.spans import span_s

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="The nodes.", show_default=False)]
File = Annotated[str, typer.Option("-f", "--file", metavar="FILE", help="Read ids, one a line; - is stdin.")]
MAX_REASON_CHARACTERS = 200
"""The router refuses longer ones."""

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


def drain(
    ctx: typer.Context,
    ids: Ids = None,
    file: File = "",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; the audit and the event tell it.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Return only when nothing runs there any more.")] = False,
    wait_timeout: Annotated[str, typer.Option(metavar="TIME", help="The longest such wait; default 10m.")] = "10m",
) -> ExitCode:
    """Give nodes no new work. What they have they finish; they keep sending heartbeats.

    With --wait an engine can be stopped as soon as the command has ended with 0; with 8 something still runs.

    Examples:
      llmlb nodes drain node-1 --reason "new fan"
      llmlb nodes drain node-1 --yes --wait --wait-timeout 30m && systemctl stop engine
      llmlb nodes drain --filter 'tag:rack=3' --dry-run
    """
    if len(reason) > MAX_REASON_CHARACTERS:
        raise usage(f"--reason has {len(reason)} characters, and may have {MAX_REASON_CHARACTERS}", hint="shorten it")
    timeout_s = span_s(wait_timeout)
    router = router_of(ctx)
    chosen, is_single = _chosen(router, DRAIN, ids, file)
    if not chosen:
        return ExitCode.OK
    code = carry_out(DRAIN, chosen, router, is_single=is_single, reason=reason)
    if wait and not router.options.dry_run and code is ExitCode.OK:
        _wait("empty", chosen, router, timeout_s=timeout_s)
    return code


def wait(
    ctx: typer.Context,
    ids: Ids = None,
    file: File = "",
    for_text: Annotated[
        str,
        typer.Option(
            "--for", metavar="CONDITION", help="state=online (default), state=offline, draining, empty: nothing runs."
        ),
    ] = "state=online",
    wait_timeout: Annotated[str, typer.Option(metavar="TIME", help="The longest wait; default 5m.")] = "5m",
) -> ExitCode:
    """Return when all of these nodes are as they should be. A router that does not answer is waited for.

    Exit code 8 when the time is over, 10 when one of them was removed meanwhile.

    Examples:
      llmlb nodes wait node-1
      llmlb nodes wait node-1 node-2 --for empty --wait-timeout 30m
      llmlb nodes wait --filter 'tag:rack=3' --for state=online -q
    """
    condition, timeout_s = condition_of(for_text), span_s(wait_timeout)
    router = router_of(ctx)
    chosen = chosen_ids(ids or [], file, router, verb="wait")
    if chosen:
        _wait(condition, chosen, router, timeout_s=timeout_s)
    elif not router.options.quiet:
        note("no node matches, nothing to wait for")
    return ExitCode.OK


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
    chosen, is_single = _chosen(router, action, ids, file, all_pending=all_pending)
    return carry_out(action, chosen, router, is_single=is_single) if chosen else ExitCode.OK


def _chosen(
    router: Router, action: NodeAction, ids: list[str] | None, file: str, *, all_pending: bool = False
) -> tuple[list[str], bool]:
    """The nodes, and whether it is one that was named by its id; of none the person is told."""
    chosen = chosen_ids(ids or [], file, router, all_pending=all_pending, verb=action.verb)
    is_found = all_pending or bool(router.options.filter)
    if not chosen and not router.options.quiet:
        note(f"no node {'matches' if router.options.filter else 'is pending'}, nothing to do")
    return chosen, len(chosen) == 1 and not is_found


def _wait(condition: str, ids: list[str], router: Router, *, timeout_s: float) -> None:
    wait_for(condition, ids, router, timeout_s=timeout_s)
    if router.view.is_human and not router.options.quiet:
        named = ids[0] if len(ids) == 1 else f"{len(ids)} nodes"
        line(f"{condition.removeprefix('state=')}: {named}  next: llmlb nodes get {' '.join(ids[:4])}")
