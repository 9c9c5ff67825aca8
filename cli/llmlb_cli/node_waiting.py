"""Waiting until nodes are as they should be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from llmlb.client.address import segment
from llmlb.clock import monotonic_s
from llmlb_cli.context import Fields, Router
from llmlb_cli.exits import ExitCode, Failure, note, usage
from llmlb_cli.registry import state_text
from llmlb_cli.selection import nodes_of, unknown_node
from llmlb_cli.suggestions import did_you_mean
from llmlb_cli.units import count, duration

POLL_S = 1.0

_PASSING = (ExitCode.UNREACHABLE, ExitCode.FAILURE)
"""A router that starts again is away for a moment, or a proxy before it says so with a 5xx."""

Met = Callable[[Fields], bool]

CONDITIONS: Mapping[str, Met] = {
    "state=online": lambda node: node.get("state") == "online",
    "state=offline": lambda node: node.get("state") == "offline",
    "state=pending": lambda node: node.get("state") == "pending",
    "draining": lambda node: bool(node.get("draining")),
    "empty": lambda node: node.get("active_requests") == 0,
}


def condition_of(text: str) -> str:
    """A condition by its name; ``online`` stands for ``state=online``. Raises Failure for what is none."""
    name = f"state={text}" if f"state={text}" in CONDITIONS else text
    if name not in CONDITIONS:
        known = ", ".join(CONDITIONS)
        raise usage(
            f'nodes cannot be waited for to be "{text}"', hint=did_you_mean(text, CONDITIONS) or f"give {known}"
        )
    return name


def wait_for(condition: str, ids: Sequence[str], router: Router, *, timeout_s: float) -> None:
    """Return once every node meets the condition. A router that does not answer is waited for as well.

    Raises Failure: with NOT_FOUND for a node that was never there, with CHECK_NOT_MET for one that went away meanwhile,
    with WAIT_TIMEOUT when the time is over.
    """
    met = CONDITIONS[condition]
    until_s = monotonic_s() + timeout_s
    pause = threading.Event()
    waiting, seen = list(ids), False
    last: Failure | None = None
    while True:
        try:
            nodes = _look(waiting, router)
        except Failure as failure:
            if failure.exit_code not in _PASSING:
                raise
            last = failure
        else:
            last = None
            _refuse_gone([each for each in waiting if each not in nodes], nodes, router, was_seen=seen, for_=condition)
            waiting = [each for each in waiting if not met(nodes[each])]
            if not waiting:
                return
            if not seen and not router.options.quiet:
                note(f"waiting for {_described(waiting, nodes)}")
            seen = True
            described = _described(waiting, nodes)
        if monotonic_s() >= until_s:
            raise Failure(
                f"not {condition} within {duration(timeout_s)}: {last.message if last else described}",
                exit_code=ExitCode.WAIT_TIMEOUT,
                hint="wait longer with --wait-timeout",
                context=router.description,
            )
        pause.wait(min(POLL_S, max(0.0, until_s - monotonic_s())))


def _look(ids: Sequence[str], router: Router) -> dict[str, Fields]:
    """Those of the nodes that are there; one is asked for alone, because a fleet is large."""
    if len(ids) > 1:
        return {str(node.get("id")): node for node in nodes_of(router)}
    try:
        return {ids[0]: router.fields("GET", f"/v0/nodes/{segment(ids[0])}")}
    except Failure as failure:
        if failure.exit_code is not ExitCode.NOT_FOUND:
            raise
        return {}


def _refuse_gone(
    gone: Sequence[str], nodes: Mapping[str, Fields], router: Router, *, was_seen: bool, for_: str
) -> None:
    if not gone:
        return
    if not was_seen:
        raise unknown_node(gone[0], router, nodes or [str(node.get("id")) for node in nodes_of(router)])
    raise Failure(
        f"{', '.join(gone[:8])} went away before it was {for_}",
        exit_code=ExitCode.CHECK_NOT_MET,
        hint="who removed it: llmlb audit list",
        context=router.description,
        code="node_gone",
    )


def _described(ids: Sequence[str], nodes: Mapping[str, Fields]) -> str:
    """``gpu-1 (Online,Drain, 8 active), gpu-2 (...) and 3 more``."""
    some = [
        f"{each} ({state_text(nodes[each])}, {count(nodes[each].get('active_requests'))} active)" for each in ids[:4]
    ]
    return f"{', '.join(some)}{f' and {len(ids) - 4} more' if len(ids) > 4 else ''}"
