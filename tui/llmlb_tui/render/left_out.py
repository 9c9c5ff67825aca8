"""Why other nodes were not chosen for a request, as the router kept it."""

from __future__ import annotations

from llmlb_tui.model.reading import Fields, fields, number, rows
from llmlb_tui.model.text import clean, fitted, middle_cut
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line

MAX_NAMED = 20
"""As many as the router names; a stranger's answer cannot fill the screen with them."""
MAX_REASONS = 16
_THRESHOLDS = {"gpu": "over the GPU threshold", "vram": "over the VRAM threshold"}


def because(value: object) -> str:
    """``at capacity``, ``over the GPU threshold``."""
    reason = clean(value, 24)
    return _THRESHOLDS.get(reason, reason.replace("_", " "))


def left_out_lines(request: Fields, glyphs: Glyphs) -> list[Line]:
    """The nodes that could not be chosen when the request was sent; no lines where there were none."""
    left_out = rows(request.get("left_out"))[:MAX_NAMED]
    unnamed = _unnamed(request, left_out)
    if not left_out and not unnamed:
        return []
    lines = [EMPTY, line(Span(f"   {'LEFT OUT':<24}BECAUSE", Role.HEADER))]
    for node in left_out:
        node_id = clean(node.get("node_id"))
        mark = glyphs.cursor if node_id and node_id == clean(request.get("node_id")) else " "
        name = fitted(middle_cut(node_id, 23, ellipsis=glyphs.ellipsis), 24)
        lines.append(line(Span(f" {mark} ", Role.MARK), Span(name), dim(because(node.get("because")))))
    return [*lines, line(dim(f"   and {unnamed}"))] if unnamed else lines


def _unnamed(request: Fields, named: list[Fields]) -> str:
    """``880 at capacity, 3 pending``: those that are only counted."""
    told = [because(node.get("because")) for node in named]
    texts = []
    for name, value in list(fields(request.get("left_out_counts")).items())[:MAX_REASONS]:
        reason, count = because(name), number(value)
        more = 0 if count is None else count - told.count(reason)
        if more > 0:
            texts.append(f"{more:.0f} {reason}")
    return ", ".join(texts)
