"""One verb on one node or many: ask, act on each, tell what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from llmlb.client.address import segment
from llmlb_cli.consent import ask_context, ask_typed, ask_yes, may_ask
from llmlb_cli.context import Fields, Router
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.output import Listing, line, show
from llmlb_cli.registry import OUTCOMES
from llmlb_cli.selection import nodes_of, with_similar_ids


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

# After these the rest of the nodes would meet the same.
_HOPELESS = (ExitCode.UNREACHABLE, ExitCode.NOT_LOGGED_IN, ExitCode.FORBIDDEN)


class Outcome(NamedTuple):
    """What came of one node. answer: the node as the router shows it now, or nothing."""

    id: str
    answer: Mapping[str, object] = {}
    failure: Failure | None = None


def carry_out(action: NodeAction, ids: Sequence[str], router: Router, *, is_single: bool) -> ExitCode:
    """Do it to each node, after the question that the risk demands. is_single: one node named by its id.

    Raises Failure for a single node that failed, and for what stops all of them.
    """
    revisions = _agreed(action, ids, router, is_single=is_single)
    outcomes: list[Outcome] = []
    for index, node_id in enumerate(ids):
        outcome = _act(action, node_id, router, revision=revisions.get(node_id))
        outcomes.append(outcome)
        if outcome.failure is None:
            continue
        is_hopeless = outcome.failure.exit_code in _HOPELESS
        if is_single or (is_hopeless and index == 0):
            raise with_similar_ids(outcome.failure, router, node_id) if is_single else outcome.failure
        if is_hopeless:
            untried = Failure(f"not tried: {outcome.failure.message}", code="not_tried")
            outcomes += [Outcome(each, failure=untried) for each in ids[index + 1 :]]
            break
    if is_single and router.view.is_human:
        _tell(action, outcomes[0], router)
    else:
        _show(action, outcomes, router)
    return ExitCode.SOME_FAILED if any(outcome.failure for outcome in outcomes) else ExitCode.OK


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


def _act(action: NodeAction, node_id: str, router: Router, *, revision: object) -> Outcome:
    path = f"/v0/nodes/{segment(node_id)}"
    if action.method == "POST":
        path = f"{path}/{action.verb}"
    headers = {} if revision is None else {"If-Match": str(revision)}
    try:
        return Outcome(node_id, router.fields(action.method, path, headers=headers))
    except Failure as failure:
        return Outcome(node_id, failure=failure)


def _tell(action: NodeAction, outcome: Outcome, router: Router) -> None:
    if router.options.quiet:
        return
    state = _state_words(action, outcome.answer)
    line(f"{action.past} {outcome.id}{f' ({state})' if state else ''}  next: {action.hint.format(id=outcome.id)}")


def _show(action: NodeAction, outcomes: Sequence[Outcome], router: Router) -> None:
    rows = [_row(action, outcome) for outcome in outcomes]
    if router.view.format == "name":
        rows = [row for row in rows if row["error"] is None]
    failed = sum(1 for outcome in outcomes if outcome.failure)
    meta = {"succeeded": len(outcomes) - failed, "failed": failed}
    show(Listing("NodeOutcomeList", OUTCOMES, rows, meta), router.view)


def _row(action: NodeAction, outcome: Outcome) -> Fields:
    failure = outcome.failure
    if failure is None:
        state = outcome.answer.get("state")
        words = _state_words(action, outcome.answer)
        return {"id": outcome.id, "outcome": action.past, "state": state, "error": None, "detail": words}
    return {"id": outcome.id, "outcome": "failed", "state": None, "error": failure.code, "detail": failure.message}


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
