"""One verb on several things: act on each, go on past those that fail, tell what came of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.output import Listing, View, show
from llmlb_cli.registry import OUTCOMES

Fields = dict[str, object]

# After these the rest would meet the same.
_HOPELESS = (ExitCode.UNREACHABLE, ExitCode.NOT_LOGGED_IN, ExitCode.FORBIDDEN)


class Outcome(NamedTuple):
    """What came of one. answer: what the router shows of it now, or nothing."""

    id: str
    answer: Mapping[str, object] = {}
    failure: Failure | None = None


def first_of(names: Sequence[str], most: int = 8) -> str:
    """``a, b, c``; of many the first, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def act_on_each(ids: Sequence[str], act: Callable[[str], Fields]) -> list[Outcome]:
    """Do it to each, in order. Raises Failure where the first one meets what would stop all of them."""
    outcomes: list[Outcome] = []
    for index, each in enumerate(ids):
        try:
            outcomes.append(Outcome(each, act(each)))
        except Failure as failure:
            is_hopeless = failure.exit_code in _HOPELESS
            if is_hopeless and index == 0:
                raise
            outcomes.append(Outcome(each, failure=failure))
            if is_hopeless:
                untried = Failure(f"not tried: {failure.message}", code="not_tried")
                return outcomes + [Outcome(rest, failure=untried) for rest in ids[index + 1 :]]
    return outcomes


def show_outcomes(
    kind: str, outcomes: Sequence[Outcome], view: View, *, past: str, words: Callable[[Outcome], str] = lambda _: ""
) -> ExitCode:
    """Show what came of each. past: "approved".  words: what is said of one that succeeded.

    ``-o name`` lists only those that succeeded, so that the next command acts on no other.
    """
    rows = [_row(each, past, words) for each in outcomes]
    if view.format == "name":
        rows = [row for row in rows if row["error"] is None]
    failed = sum(1 for each in outcomes if each.failure)
    show_rows(kind, rows, view, meta={"succeeded": len(outcomes) - failed, "failed": failed})
    return ExitCode.SOME_FAILED if failed else ExitCode.OK


def show_rehearsal(kind: str, ids: Sequence[str], view: View, *, verb: str) -> ExitCode:
    """Show what would be done to each."""
    rows: list[Fields] = [
        {"id": each, "outcome": f"would {verb}", "state": None, "error": None, "detail": ""} for each in ids
    ]
    show_rows(kind, rows, view, meta={"succeeded": 0, "failed": 0, "dry_run": True})
    return ExitCode.OK


def show_rows(kind: str, rows: Sequence[Fields], view: View, *, meta: Mapping[str, object]) -> None:
    """Show outcomes that are rows already. The filter chose what was acted on; it does not hide what came of it."""
    show(Listing(kind, OUTCOMES, rows, meta), view._replace(filter=""))


def _row(outcome: Outcome, past: str, words: Callable[[Outcome], str]) -> Fields:
    failure = outcome.failure
    if failure is not None:
        return {"id": outcome.id, "outcome": "failed", "state": None, "error": failure.code, "detail": failure.message}
    state = outcome.answer.get("state")
    return {"id": outcome.id, "outcome": past, "state": state, "error": None, "detail": words(outcome)}
