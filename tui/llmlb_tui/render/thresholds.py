"""The threshold editor as lines: the limits, how the fleet lies about them, and what a change would do."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from llmlb_tui.model.nodes import NodeRow
from llmlb_tui.model.settings import Limit, Settings
from llmlb_tui.model.text import cut
from llmlb_tui.model.thresholds import Preview, distribution, highest
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, strong

BUCKETS = 12
LABELS = {Limit.GPU: "GPU busy    max %", Limit.VRAM: "VRAM used   max %", Limit.ACTIVE: "Active req  max  "}


def limit_line(
    nodes: Collection[NodeRow], limit: Limit, now: Settings, then: Settings, found: Preview, *, entry: str,
    is_chosen: bool, glyphs: Glyphs
) -> Line:  # fmt: skip
    """``GPU busy  max %   80  [ 90 ]   ▁▁▂▂▃▄▅▆▇█│▇▃   99%   19 (+19)``. entry: what is being typed, "" for nothing."""
    was, will = found.by_limit[limit]
    delta = f" ({will - was:+d})" if will != was else ""
    most = highest(nodes, limit)
    unit = "" if limit is Limit.ACTIVE else "%"
    value = entry or f"{then.value(limit):g}"
    role = Role.CURSOR if is_chosen else Role.TEXT
    changed = Role.WARNING if then.value(limit) != now.value(limit) else Role.TEXT
    return line(
        Span(f"{glyphs.cursor if is_chosen else ' '} {LABELS[limit]}", Role.STRONG if is_chosen else Role.TEXT),
        Span(f"{now.value(limit):>7g}  "),
        Span(f"[ {value:>6} ]", role if is_chosen else changed),
        Span("  "),
        Span(_bars(nodes, limit, then, glyphs), Role.LOAD_MIDDLE),
        Span(f"{'-' if most is None else f'{most:.0f}{unit}':>6}"),
        Span(f"  {will:>4}{delta}", Role.WARNING if delta else Role.TEXT),
    )


def _bars(nodes: Collection[NodeRow], limit: Limit, then: Settings, glyphs: Glyphs) -> str:
    """How many nodes lie in each twelfth of the scale, with the limit drawn in."""
    counts, top = distribution(nodes, limit, BUCKETS)
    bars = glyphs.spark([float(each) for each in counts], BUCKETS, top=float(max([*counts, 1])))
    at = min(BUCKETS, int(then.value(limit) / top * BUCKETS))
    return bars[:at] + glyphs.column + bars[at:]


def preview_lines(found: Preview, cells: int, glyphs: Glyphs, *, limit: int, took_ms: float) -> list[Line]:
    """What the change would do, and to whom."""
    summary = (
        f"{found.nodes:,} nodes: {len(found.excluded)} over a threshold (+{len(found.newly)} -{len(found.no_longer)})"
    )
    lines = [
        line(strong("PREVIEW  "), Span(summary), dim(f"   worked out here in {took_ms:.1f} ms")),
    ]
    if found.is_big:
        lines.append(line(Span("         ! that is more than a tenth of the fleet", Role.WARNING)))
    if found.nodes and len(found.excluded) == found.nodes:
        lines.append(line(Span("         ! every node would be over: requests go round robin", Role.WARNING)))
    if found.bereft:
        who = _some(found.bereft)
        lines.append(line(Span(f"         ! {who} would lose {'its' if len(found.bereft) == 1 else 'their'} last node",
                               Role.TROUBLE)))  # fmt: skip
    lines += _changed(found, cells, limit)
    return [*lines, EMPTY]


def _some(models: Sequence[str]) -> str:
    """``llama-3.3-70b, qwen3-32b and 3 more``."""
    shown = ", ".join(cut(model, 24) for model in models[:2])
    return shown + (f" and {len(models) - 2} more" if len(models) > 2 else "")


def _changed(found: Preview, cells: int, limit: int) -> list[Line]:
    reasons = {verdict.node_id: " ".join(verdict.reasons) for verdict in found.excluded}
    texts = [f"+ {node_id} {reasons[node_id]}" for node_id in found.newly]
    texts += [f"- {node_id} gets work again" for node_id in found.no_longer]
    shown = texts[:limit]
    half = cells // 2
    lines = [
        line(*(Span(f"{cut(text, half - 2):<{half}}") for text in shown[at : at + 2])) for at in range(0, len(shown), 2)
    ]
    if len(texts) > limit:
        lines.append(line(dim(f"  and {len(texts) - limit} more")))
    return lines


def dry_run_line(
    local: Sequence[str], router: Sequence[str], *, bereft: Sequence[str] = (), router_bereft: Sequence[str] = ()
) -> Line:
    """Whether the router's own dry run agrees with what was worked out here. bereft: models."""
    if sorted(bereft) != sorted(router_bereft):
        who = _some(router_bereft) or "no model"
        return line(Span(f"the router counts otherwise: {who} would lose the last node", Role.WARNING))
    if sorted(local) == sorted(router):
        return line(Span(f"the router agrees: {len(router)} nodes over a threshold", Role.GOOD))
    only_there, only_here = set(router) - set(local), set(local) - set(router)
    return line(
        Span(
            f"the router counts {len(router)}: {len(only_there)} more, {len(only_here)} fewer; it knows newer figures",
            Role.WARNING,
        )
    )
