"""The home screen's lines: every node on one of them, and the whole picture in one piece for those who draw by hand."""

from __future__ import annotations

from llmlb_tui.desk import Desk
from llmlb_tui.model.actions import Place
from llmlb_tui.model.connection import Standing
from llmlb_tui.render.columns import (
    SIDE_CELLS,
    CellContext,
    Layout,
    WidthClass,
    header_line,
    layout,
    row_line,
    width_class,
)
from llmlb_tui.render.events import events_under_list
from llmlb_tui.render.footer import footer_line
from llmlb_tui.render.head import filter_line, fleet_head, title_line
from llmlb_tui.render.line import EMPTY, Line, Role, Span, clipped, dim, key, line

SMALLEST_CELLS = 60
SMALLEST_LINES = 15
_FRESH = frozenset({Standing.LIVE, Standing.SLOW, Standing.PAUSED})


def tail_height(cells: int, lines: int) -> int:
    """How many lines the events under the list get on a screen of that size."""
    if width_class(cells) is WidthClass.WIDE or lines < 20:
        return 0
    return 3 if lines < 30 else 6


def list_head(desk: Desk, given: Layout, cells: int, *, first: int, last: int) -> list[Line]:
    """The filter and the names of the columns. first, last: the rows on the screen."""
    leading = desk.view.order[0]
    return [
        filter_line(desk, cells, shown=len(desk.selection.ids), first=first, last=last),
        header_line(given, desk.glyphs, sorted_by=leading.key.name, falls=leading.falls),
    ]


def node_line(desk: Desk, given: Layout, node_id: str, now_s: float, *, cursor: bool, marked: bool) -> Line:
    """A row of the list."""
    state = desk.state
    node = state.nodes.get(node_id)
    if node is None:
        return line(dim(f"     {node_id} is gone"))
    context = CellContext(
        node, state.history(node_id), state.router_now(now_s), desk.glyphs, given.width_class, state.flows
    )
    return row_line(given, context, cursor=cursor, marked=marked, stale=desk.standing(now_s) not in _FRESH)


def empty_list(desk: Desk) -> list[Line]:
    """What stands where no row does."""
    if desk.state.nodes:
        return [EMPTY, line(dim("     no node passes the filter; "), key("Esc"), dim(" clears it"))]
    if not desk.state.has_snapshot:
        return [EMPTY, line(dim(f"     waiting for {desk.identity.url}"))]
    return [
        EMPTY,
        line(Span("     no nodes yet. ", Role.STRONG), "Start an agent beside an engine:"),
        line(dim(f"       llmlb agent --router-url {desk.identity.url} --engine-url http://127.0.0.1:11434")),
    ]


def side(desk: Desk, now_s: float, lines: int) -> list[Line]:
    """The panel beside the list of a wide terminal."""
    from llmlb_tui.render.side import side_lines  # only wide terminals have it

    return side_lines(desk, desk.selection.cursor, now_s, cells=SIDE_CELLS, lines=lines)


def fleet_picture(desk: Desk, now_s: float, cells: int, lines: int) -> list[Line]:
    """The screen as it is when nobody has pressed a key yet, in exactly ``lines`` lines; none where it does not fit."""
    if cells < SMALLEST_CELLS or lines < SMALLEST_LINES:
        return []
    desk.selection.show(desk.view.ids(desk.state, now_s))
    given = layout(cells, desk.view.columns)
    head = [title_line(desk, now_s, cells), *fleet_head(desk, now_s, cells)]
    foot = footer_line(desk, Place.FLEET, now_s, cells)
    middle = lines - len(head) - 1
    body = _list(desk, given, now_s, middle, tail_height(cells, lines))
    if given.width_class is WidthClass.WIDE:
        beside = side(desk, now_s, middle)
        pairs = zip(body, beside, strict=True)
        body = [Line((*clipped(left, given.cells).spans, *right.spans), left.base) for left, right in pairs]
    return [*head, *body, foot]


def _list(desk: Desk, given: Layout, now_s: float, lines: int, tail: int) -> list[Line]:
    ids = desk.selection.ids
    height = lines - 2 - tail
    shown = ids[:height]
    rows = [
        node_line(desk, given, node_id, now_s, cursor=node_id == desk.selection.cursor, marked=False)
        for node_id in shown
    ]
    rows = rows or empty_list(desk)
    above = list_head(desk, given, given.cells, first=1 if shown else 0, last=len(shown))
    below = events_under_list(desk, given.cells, tail, wide=given.cells >= WidthClass.USUAL)
    return [*above, *[*rows, *[EMPTY] * height][:height], *below]
