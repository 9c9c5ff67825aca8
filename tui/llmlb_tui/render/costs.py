"""What a request would cost on a node, in seconds, for people."""

from __future__ import annotations

from llmlb_tui.model.formats import ABSENT, duration_ms
from llmlb_tui.model.reading import Fields, fields, number, rows
from llmlb_tui.model.text import clean, fitted, middle_cut
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, wrapped

MAX_TERMS = 16
"""A policy has seven; a stranger's answer cannot fill the screen with them."""
_SHOWN_S = 0.0005
"""What is less is shown as 0ms and adds nothing."""


def seconds(value: object) -> str:
    """``120ms``, ``2.10s``; what is no number is absent."""
    found = number(value)
    return ABSENT if found is None else duration_ms(found * 1000)


def terms_text(value: object) -> str:
    """``prefill 120ms, decode 2.10s``: what a cost consists of, without what adds nothing; "" for no terms."""
    named = [(clean(name, 24), number(term)) for name, term in list(fields(value).items())[:MAX_TERMS]]
    return ", ".join(f"{name} {seconds(term)}" for name, term in named if term is not None and abs(term) >= _SHOWN_S)


def terms_lines(value: object, indent: int, cells: int) -> list[Line]:
    """The terms under the row that they belong to; none where there are none."""
    parts = wrapped(terms_text(value), max(20, cells - indent), limit=3)
    return [line(" " * indent, dim(part)) for part in parts]


def cost_lines(request: Fields, cells: int, glyphs: Glyphs) -> list[Line]:
    """What each priced candidate would have cost when the request was sent, cheapest first; none where none was."""
    costs = rows(request.get("costs"))
    if not costs:
        return []
    lines = [EMPTY, line(Span(f"   {'CANDIDATE':<24}{'COST':>8}  COST OF", Role.HEADER))]
    for cost in costs:
        node_id = clean(cost.get("node_id"))
        mark = glyphs.cursor if node_id == clean(request.get("node_id")) else " "
        parts = wrapped(terms_text(cost.get("terms")), max(20, cells - 37), limit=3) or [ABSENT]
        name = fitted(middle_cut(node_id or ABSENT, 23, ellipsis=glyphs.ellipsis), 24)
        lines.append(
            line(Span(f" {mark} ", Role.MARK), Span(f"{name}{seconds(cost.get('total_s')):>8}  "), dim(parts[0]))
        )
        lines += [line(" " * 37, dim(part)) for part in parts[1:]]
    return lines
