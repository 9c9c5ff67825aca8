"""llmlb nodes why"""

from __future__ import annotations

from typing import Annotated

import typer

from llmlb_cli.commands.models import unknown_model
from llmlb_cli.context import Fields, router_of
from llmlb_cli.exits import note
from llmlb_cli.output import Listing, show
from llmlb_cli.record_columns import VERDICTS
from llmlb_cli.selection import nodes_of

_ABOUT_THE_REQUEST = ("model", "resolved", "mode", "choice", "otherwise", "refusal", "queued")
NO_NODE_HAS_IT = "no approved node has this model"


def explain_choice(
    ctx: typer.Context, model: Annotated[str, typer.Argument(metavar="MODEL", help="As a client would name it.")]
) -> None:
    """Show how each node stands towards a model, and which one the next request would go to. Nothing is reserved.

    chosen: the next request goes there. eligible: it could. over gpu, vram, active: above a threshold, so only when
    all others are too. Anything else: why it gets no work now. COST is there where the mode counts in seconds; -o wide
    shows what it consists of.

    Examples:
      llmlb nodes why llama-3.2-1b
      llmlb nodes why llama-3.2-1b -o json | jq .meta
      llmlb nodes why llama-3.2-1b --filter verdict:late
    """
    router = router_of(ctx)
    explained = router.fields("GET", "/v0/explain", query={"model": model})
    if explained.get("refusal") == NO_NODE_HAS_IT:
        raise unknown_model(model, router, nodes_of(router))
    choice = explained.get("choice")
    chosen = choice if isinstance(choice, dict) else {}
    nodes = explained.get("nodes")
    rows = [_judged(node, chosen) for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []
    meta = {name: explained.get(name) for name in _ABOUT_THE_REQUEST}
    rows.sort(key=lambda row: (_rank(row), str(row.get("id"))))
    has_costs = any(row.get("cost_seconds") is not None for row in rows)
    columns = [column for column in VERDICTS if has_costs or not column.key.startswith("cost_")]
    show(Listing("NodeVerdictList", columns, rows, meta), router.view)
    if router.view.is_human and not router.options.quiet:
        note(conclusion(explained, chosen))


def conclusion(explained: Fields, chosen: Fields) -> str:
    """Where the next request goes, in one line."""
    name, resolved, mode = explained.get("model"), explained.get("resolved"), explained.get("mode")
    asked = f"{name} (an alias of {resolved})" if resolved != name else str(name)
    if not chosen:
        return f"{asked}: {explained.get('refusal') or 'nobody can take a request'}  next: llmlb nodes list"
    likely, chance, otherwise = "", chosen.get("chance"), explained.get("otherwise")
    if isinstance(otherwise, dict) and isinstance(chance, int | float):
        likely = f" with {chance:.0%}, else to {otherwise.get('node')}"
    queued = explained.get("queued")
    behind = f", behind {queued} that wait" if isinstance(queued, int) and queued else ""
    why = f"{chosen.get('reason')}, mode {mode}{behind}"
    return f"the next request for {asked} goes to {chosen.get('node')}{likely}: {why}"


def _judged(node: Fields, chosen: Fields) -> Fields:
    over = node.get("excluded_by")
    if not node.get("eligible"):
        verdict = str(node.get("ineligible_because") or "not eligible").replace("_", " ")
    elif node.get("id") == chosen.get("node"):
        verdict = "chosen"
    else:
        verdict = f"over {', '.join(map(str, over))}" if isinstance(over, list) and over else "eligible"
    share = node.get("share")
    if node.get("eligible") and isinstance(share, int | float) and share < 1:
        verdict += f", {share:.0%} share"
    return {**node, "verdict": verdict, "chosen": bool(chosen) and node.get("id") == chosen.get("node")}


def _rank(row: Fields) -> int:
    if row["chosen"]:
        return 0
    return (2 if row.get("excluded_by") else 1) if row.get("eligible") else 3
