"""What is done to nodes: to which, with what warning, and what it meant when it was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from llmlb.core.health import NodeState
from llmlb.errors import LlmlbError, RouterRefused
from llmlb_tui.model.nodes import NodeRow

S = TypeVar("S")


class Pinned(NamedTuple):
    """A target as it was when the dialog opened. revision: sent along, so that a changed node is left alone."""

    id: str
    revision: int = 0


class Act(NamedTuple, Generic[S]):
    """One verb, for nodes or for alerts. action: in the table.  past: what is said after it.

    fits: whether it means anything for one of them.  misfit: why it does not.  effect: what will happen, a sentence.
    is_typed: the id, or how many there are, must be typed.  cli: its command where that is not the table's.
    """

    action: str
    title: str
    past: str
    fits: Callable[[S], bool]
    misfit: str
    effect: Callable[[Sequence[S]], str]
    is_typed: bool = False
    cli: str = ""


def _approve_effect(nodes: Sequence[NodeRow]) -> str:
    models = sorted({model for node in nodes for model in node.models})
    if not models:
        return "They will receive traffic at once, for any model: they name none."
    shown = ", ".join(models[:4]) + (f" and {len(models) - 4} more" if len(models) > 4 else "")
    return f"They will receive traffic at once for: {shown}."


def _drain_effect(nodes: Sequence[NodeRow]) -> str:
    active = sum(node.active for node in nodes)
    return f"{active} active requests may finish; no new ones come. Undo: u (undrain)."


def _remove_effect(nodes: Sequence[NodeRow]) -> str:
    active = sum(node.active for node in nodes)
    serving = sum(node.state is NodeState.ONLINE and not node.draining for node in nodes)
    return f"{serving} of them take requests now, {active} are active. Their agents must register again."


ACTS: Mapping[str, Act[NodeRow]] = {
    "approve": Act(
        "approve",
        "Approve",
        "approved",
        lambda node: node.state is NodeState.PENDING,
        "not pending",
        _approve_effect,
    ),
    "reject": Act(
        "reject",
        "Reject",
        "rejected",
        lambda node: True,
        "",
        lambda nodes: "They are removed, and their ids are refused for 24 h. " + _remove_effect(nodes),
    ),
    "drain": Act(
        "drain",
        "Drain",
        "draining",
        lambda node: node.state is not NodeState.PENDING and not node.draining,
        "pending, or draining already",
        _drain_effect,
    ),
    "undrain": Act(
        "undrain",
        "Undrain",
        "undrained",
        lambda node: node.draining,
        "not draining",
        lambda nodes: "They get work again as soon as they are fit for it.",
    ),
    "tag": Act(
        "tag",
        "Tag",
        "tagged",
        lambda node: True,
        "",
        lambda nodes: "Their other tags stay; of one key there is one value.",
    ),
    "delete": Act(
        "delete",
        "Delete",
        "deleted",
        lambda node: True,
        "",
        lambda nodes: "They and their tokens are removed. " + _remove_effect(nodes),
        is_typed=True,
    ),
}


def confirmation_text(act: Act[NodeRow], targets: Sequence[Pinned], *, context: str, must_type_name: bool) -> str:
    """What must be typed: the context's name, the id, the number of nodes; "" for nothing."""
    if must_type_name and act.action != "undrain":
        return context
    if not act.is_typed:
        return ""
    return targets[0].id if len(targets) == 1 else str(len(targets))


def explain_refusal(error: LlmlbError) -> str:
    """Why the router did not do it, short enough for a line."""
    if not isinstance(error, RouterRefused):
        return error.message
    match error.status:
        case 401:
            return "not done: the session has expired"
        case 403:
            return f"not allowed: {error.message}"
        case 404:
            return "it is gone"
        case 409:
            return "it changed meanwhile; look at it again"
        case _:
            return error.message
