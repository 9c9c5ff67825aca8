"""What stays in the scrollback when the console is left."""

from __future__ import annotations

from llmlb_tui.desk import Desk
from llmlb_tui.model.formats import duration_ms, percent, rate
from llmlb_tui.model.text import ascii_only


def goodbye(desk: Desk, now_s: float) -> str:
    """Three lines: which router, how the fleet stood, how it was loaded."""
    totals, traffic = desk.state.totals, desk.state.traffic
    firing = len(desk.state.firing(now_s))
    lines = [
        f"llmlb top: {desk.identity.place}, {desk.standing(now_s).value.lower()}",
        f"  {totals.nodes} nodes: {totals.online} online, {totals.pending} pending, {totals.offline} offline, "
        f"{totals.draining} draining, {totals.excluded} excluded; {firing} alerts firing",
        f"  {rate(traffic.requests_per_s)} req/s, {totals.active} active, {traffic.queued} queued, "
        f"p95 {duration_ms(traffic.p95_ms)}, GPU {percent(totals.gpu_mean)}",
    ]
    return "\n".join(ascii_only(each) if desk.glyphs.is_ascii else each for each in lines) + "\n"
