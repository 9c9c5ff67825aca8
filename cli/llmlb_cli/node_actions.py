"""One verb on one node or many: ask, act on each, tell what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from llmlb.client.address import segment
from llmlb_cli.consent import ask_context, ask_typed, ask_yes, may_ask
from llmlb_cli.context import Fields, Router
from llmlb_cli.exits import ExitCode, Failure, note
from llmlb_cli.output import line
from llmlb_cli.registry import state_text
from llmlb_cli.selection import nodes_of, unknown_node, with_similar_ids
from llmlb_cli.several import Outcome, act_on_each, show_outcomes, show_rows


class Risk(StrEnum):
    """How much must be said before a verb acts."""

    LOW = "asks only before several"
    MIDDLE = "asks y/N"
    HIGH = "asks for the id, or for the number of several"


class NodeAction(NamedTuple):
    """A verb. past: how its success is told.  hint: the next step after one node, ``{id}`` stands for it."""

    verb: str
    past: str
    risk: Risk
    hint: str
    method: str = "POST"


APPROVE = NodeAction("approve", "approved", Risk.LOW, "llmlb nodes get {id}")
REJECT = NodeAction("reject", "rejected", Risk.MIDDLE, "to let it in after all: llmlb nodes approve {id}")
DRAIN = NodeAction("drain", "drained", Risk.MIDDLE, "llmlb nodes undrain {id}")
UNDRAIN = NodeAction("undrain", "undrained", Risk.LOW, "llmlb nodes get {id}")
DELETE = NodeAction("delete", "deleted", Risk.HIGH, "llmlb nodes list", method="DELETE")


def carry_out(action: NodeAction, ids: Sequence[str], router: Router, *, is_single: bool, reason: str = "") -> ExitCode:
    """Do it to each node, after the question that the risk demands. is_single: one node named by its id.

    reason: why, for the router's audit.

    Raises Failure for a single node that failed, and for what stops all of them.
    """
    if router.options.dry_run:
        return _rehearse(action, ids, router, is_single=is_single)
    revisions = _agreed(action, ids, router, is_single=is_single)

    def act(node_id: str) -> Fields:
        return _act(action, node_id, router, revision=revisions.get(node_id), reason=reason)

    if is_single:
        try:
            outcomes = [Outcome(ids[0], act(ids[0]))]
        except Failure as failure:
            raise with_similar_ids(failure, router, ids[0]) from failure
        if router.view.is_human:
            _tell(action, outcomes[0], router)
            return ExitCode.OK
    else:
        outcomes = act_on_each(ids, act)
    return show_outcomes(
        "NodeOutcomeList",
        outcomes,
        router.view,
        past=action.past,
        words=lambda outcome: _state_words(action, outcome.answer),
    )


def _rehearse(action: NodeAction, ids: Sequence[str], router: Router, *, is_single: bool) -> ExitCode:
    """Tell what would come of it, as far as it can be known before."""
    nodes = {str(node.get("id")): node for node in nodes_of(router)}
    if is_single and action is not APPROVE and ids[0] not in nodes:
        raise unknown_node(ids[0], router, nodes)
    if router.view.is_human and not router.options.quiet:
        for text in _impact(action, ids, nodes):
            note(text)
    rows = [_foreseen(action, node_id, nodes.get(node_id)) for node_id in ids]
    failed = sum(1 for row in rows if row["error"])
    meta = {"succeeded": 0, "failed": failed, "dry_run": True}
    show_rows("NodeOutcomeList", rows, router.view, meta=meta)
    return ExitCode.SOME_FAILED if failed else ExitCode.OK


def _foreseen(action: NodeAction, node_id: str, node: Fields | None) -> Fields:
    would = f"would {action.verb}"
    if node is not None:
        return {"id": node_id, "outcome": would, "state": node.get("state"), "error": None, "detail": state_text(node)}
    if action is APPROVE:  # a rejected node is in no list
        detail = "not in the list; if it was rejected, that is lifted"
        return {"id": node_id, "outcome": would, "state": None, "error": None, "detail": detail}
    return {"id": node_id, "outcome": "failed", "state": None, "error": "not_found", "detail": "there is no such node"}


def _agreed(action: NodeAction, ids: Sequence[str], router: Router, *, is_single: bool) -> Mapping[str, object]:
    """Ask what must be asked; the revisions of the nodes that were shown, so that only these are acted on."""
    options = router.options
    if router.context.confirm == "type-name" and (action.risk is not Risk.LOW or not is_single):
        ask_context(router.context.name, options)
    if action.risk is Risk.LOW and is_single:
        return {}
    is_asked = not options.yes and not options.confirm and may_ask(options)
    nodes = {str(node.get("id")): node for node in nodes_of(router)} if is_asked else {}
    named = ids[0] if is_single else f"{len(ids)} nodes"
    impact = _impact(action, ids, nodes) if is_asked else []
    if action.risk is Risk.HIGH:
        expected = ids[0] if is_single else str(len(ids))
        ask_typed(expected, options, what="the id" if is_single else "the number of nodes", impact=impact)
    else:
        ask_yes(f"{action.verb.capitalize()} {named}?", options, impact=impact)
    return {node_id: nodes[node_id].get("revision") for node_id in ids if node_id in nodes}


def _impact(action: NodeAction, ids: Sequence[str], nodes: Mapping[str, Fields]) -> list[str]:
    known = [nodes[node_id] for node_id in ids if node_id in nodes]
    active = sum(count for node in known if isinstance(count := node.get("active_requests"), int))
    others = sum(1 for node_id, node in nodes.items() if node_id not in ids and _takes_work(node))
    states = ", ".join(f"{node['id']} ({node.get('state')})" for node in known[:8])
    lines = [f"{states}{f' and {len(known) - 8} more' if len(known) > 8 else ''}"] if known else []
    work = f"{active} {'request' if active == 1 else 'requests'} in flight"
    rest = f"{others} other {'node takes' if others == 1 else 'nodes take'} new work"
    match action.verb:
        case "drain":
            lines.append(f"{work} will finish; {rest}")
        case "reject":
            lines.append("removed at once; refused for 24 hours or until approved")
        case "delete":
            lines.append(f"removed with token and history; {work}; {rest}")
    return lines


def _takes_work(node: Fields) -> bool:
    return node.get("state") == "online" and not node.get("draining") and not node.get("late")


def _act(action: NodeAction, node_id: str, router: Router, *, revision: object, reason: str) -> Fields:
    path = f"/v0/nodes/{segment(node_id)}"
    if action.method == "POST":
        path = f"{path}/{action.verb}"
    headers = {} if revision is None else {"If-Match": str(revision)}
    return router.fields(action.method, path, query={"reason": reason or None}, headers=headers)


def _tell(action: NodeAction, outcome: Outcome, router: Router) -> None:
    if router.options.quiet:
        return
    state = _state_words(action, outcome.answer)
    line(f"{action.past} {outcome.id}{f' ({state})' if state else ''}  next: {action.hint.format(id=outcome.id)}")


def _state_words(action: NodeAction, node: Mapping[str, object]) -> str:
    match node.get("state"):
        case _ if action in (REJECT, DELETE):
            return ""
        case "online":
            return "Online, draining" if node.get("draining") else "Online"
        case "offline":
            return "Offline until its next heartbeat"
        case str() as state if state:
            return state.capitalize()
        case _:
            return ""
