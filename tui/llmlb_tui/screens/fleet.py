"""The home screen: every node on a line, what needs a person first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from llmlb_tui.model.actions import Place
from llmlb_tui.model.advice import Advice
from llmlb_tui.model.filters import FilterError, parse_filter
from llmlb_tui.model.sorting import SORT_KEYS, chosen, reversed_order
from llmlb_tui.model.traffic import NO_FLOWS, Flows
from llmlb_tui.render.columns import Layout, WidthClass, layout, width_class
from llmlb_tui.render.events import events_under_list
from llmlb_tui.render.fleet import empty_list, list_head, node_line, side, tail_height
from llmlb_tui.render.head import fleet_head
from llmlb_tui.render.line import Line
from llmlb_tui.screens.fleet_acts import FleetActs
from llmlb_tui.screens.screen import bindings_of
from llmlb_tui.widgets.lines import Lines
from llmlb_tui.widgets.question import Question
from llmlb_tui.widgets.rows import RowList

if TYPE_CHECKING:
    from llmlb_tui.app import ConsoleApp

HOLD_S = 0.3
"""After a key rows keep their places for a moment, so that the next key meets the row that was looked at."""
LONGEST_HOLD_S = 2.0
"""A key that is held down must not freeze the order."""


class FleetScreen(FleetActs):
    """The list of nodes."""

    PLACE = Place.FLEET
    BINDINGS: ClassVar = bindings_of(Place.FLEET)

    DEFAULT_CSS = """
    FleetScreen #head { height: 3; }
    FleetScreen #list-head { height: 2; }
    FleetScreen #tail { height: 3; }
    FleetScreen #side { width: 60; display: none; }
    FleetScreen #columns { height: 1fr; }
    FleetScreen #left { height: 1fr; width: 1fr; }
    """

    _ordered_at_s = float("-inf")
    _ordered_from: tuple[int, Flows] = (-1, NO_FLOWS)
    _withheld_at_s: float | None = None
    _order_wanted = True
    _pictured_at_s = float("-inf")
    _seen: object = None
    _head_lines: Sequence[Line] = ()
    _layout_for: tuple[int, tuple[str, ...]] = (0, ())
    _layout = layout(WidthClass.NARROW)

    def __init__(self, app: ConsoleApp) -> None:
        super().__init__()
        self._row_lines: dict[tuple[str, bool, bool], Line] = {}
        """The lines of the present picture, by node, cursor and mark."""
        self._heights: dict[Lines, int] = {}
        painter = app.painter_now
        self.selection = app.desk.selection
        self._head_block = Lines(self._head, painter, id="head")
        self._list_head_block = Lines(self._list_head, painter, on_press=self._press_header, id="list-head")
        self.rows = RowList(self.selection, self._row, painter, on_open=app.do_open, empty=self._empty, id="nodes")
        self._tail_block = Lines(self._tail, painter, id="tail")
        self._side_block = Lines(self._side, painter, id="side")

    def body(self) -> Iterator[Widget]:
        yield self._head_block
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield self._list_head_block
                yield self.rows
                yield self._tail_block
            yield self._side_block

    # Bringing up to date

    def prepare(self) -> None:
        self._order()
        self._take_picture()
        self._arrange()

    def _take_picture(self) -> None:
        """Look at the figures anew: every interval, and at once when something happened. Keys need no new look."""
        app = self.console_app
        desk, now_s = app.desk, app.now_s()
        seen = (desk.state.news, desk.standing(now_s), self.size, desk.view.columns)
        is_due = now_s - self._pictured_at_s >= desk.interval_s and not desk.is_paused
        if not is_due and seen == self._seen:
            return
        self._pictured_at_s, self._seen = now_s, seen
        self._row_lines.clear()
        self._head_lines = fleet_head(desk, now_s, self.size.width)

    def _arrange(self) -> None:
        """Give every block its height."""
        cells, height = self.size
        wide = width_class(cells) is WidthClass.WIDE
        self._set_height(self._head_block, len(self._head_lines))
        self._set_height(self._tail_block, tail_height(cells, height))
        if self._side_block.display is not wide:
            self._side_block.display = wide

    def _set_height(self, block: Lines, lines: int) -> None:
        if self._heights.get(block) == lines:
            return
        self._heights[block] = lines
        block.display = lines > 0
        if lines > 0:
            block.styles.height = lines

    def _order(self) -> None:
        app = self.console_app
        desk, now_s = app.desk, app.now_s()
        if desk.is_paused and not self._order_wanted:
            return
        is_first = not desk.selection.ids
        is_due = now_s - self._ordered_at_s >= desk.interval_s
        present = (desk.state.revision, desk.state.flows)
        has_news = present != self._ordered_from
        if not (self._order_wanted or ((is_due or is_first) and has_news)):
            return
        if not (self._order_wanted or is_first) and self._is_held(now_s):
            return
        self._withheld_at_s = None
        self._order_wanted = False
        self._ordered_at_s, self._ordered_from = now_s, present
        desk.selection.show(desk.view.ids(desk.state, now_s))
        desk.selection.forget(desk.state.nodes)

    def _is_held(self, now_s: float) -> bool:
        """Whether an order that is due has to wait for a key that was just pressed."""
        if now_s - self.console_app.touched_at_s >= HOLD_S:
            return False
        if self._withheld_at_s is None:
            # Counted from here and not from the last order: a quiet fleet may not have been put in order for minutes.
            self._withheld_at_s = now_s
        return now_s - self._withheld_at_s < LONGEST_HOLD_S

    def reorder(self) -> None:
        """Put the rows into order now: the filter or the order has changed."""
        self._order_wanted = True
        self.sync()

    def look_anew(self) -> None:
        """Put the rows into order and look at all figures now: they are of another instant."""
        self._pictured_at_s = self._ordered_at_s = float("-inf")
        self._withheld_at_s = None
        self.reorder()

    # Lines

    def layout_now(self) -> Layout:
        """The columns at their places; worked out once per width and choice."""
        wanted = (self.size.width, self.console_app.desk.view.columns)
        if wanted != self._layout_for:
            self._layout_for, self._layout = wanted, layout(*wanted)
        return self._layout

    def _head(self, cells: int, height: int) -> Sequence[Line]:
        return self._head_lines

    def _list_head(self, cells: int, height: int) -> list[Line]:
        first, last = self.rows.shown_range
        return list_head(self.console_app.desk, self.layout_now(), cells, first=first, last=last)

    def _row(self, node_id: str, cells: int, is_cursor: bool) -> Line | None:
        key = (node_id, is_cursor, node_id in self.console_app.desk.selection.marks)
        known = self._row_lines.get(key)
        if known is None:
            app = self.console_app
            known = node_line(app.desk, self.layout_now(), node_id, app.now_s(), cursor=is_cursor, marked=key[2])
            self._row_lines[key] = known
        return known

    def _empty(self) -> list[Line]:
        return empty_list(self.console_app.desk)

    def _tail(self, cells: int, height: int) -> list[Line]:
        return events_under_list(self.console_app.desk, cells, height, wide=cells >= WidthClass.USUAL)

    def _side(self, cells: int, height: int) -> list[Line]:
        app = self.console_app
        return side(app.desk, app.now_s(), height)

    def _press_header(self, x: int, y: int, clicks: int) -> None:
        if y == 0:
            self.do_filter()
            return
        column = self.layout_now().column_at(x)
        if column is not None and column.sort:
            view = self.console_app.desk.view
            view.order = chosen(view.order, SORT_KEYS[column.sort], added=False)
            self.reorder()

    # Moving

    def do_up(self) -> None:
        self.rows.selection.move(-1)

    def do_down(self) -> None:
        self.rows.selection.move(1)

    do_up_letter = do_up
    do_down_letter = do_down

    def do_page_up(self) -> None:
        self.rows.selection.move(-self.rows.page_rows)

    def do_page_down(self) -> None:
        self.rows.selection.move(self.rows.page_rows)

    def do_first(self) -> None:
        self.rows.selection.go(0)

    def do_last(self) -> None:
        self.rows.selection.go(len(self.rows.selection.ids) - 1)

    # Listing

    def do_filter(self) -> None:
        view = self.console_app.desk.view
        before = view.filter

        def changed(text: str) -> Advice:
            try:
                view.filter = parse_filter(text)
            except FilterError as error:
                return Advice(error.message, error.position, is_trouble=True)
            self.reorder()
            return Advice("state:pending  gpu>80  seen>30s  model:llama*  tag:pool=chat  /re/  !not  or  ( )")

        def entered(text: str) -> bool:
            try:
                view.filter = parse_filter(text)
            except FilterError:
                return False
            self.reorder()
            return True

        def cancelled() -> None:
            view.filter = before
            self.reorder()

        self.ask(Question("/", before.text, changed, entered, cancelled))

    def do_reverse(self) -> None:
        view = self.console_app.desk.view
        view.order = reversed_order(view.order)
        self.reorder()

    def do_clear(self) -> None:
        """Out of what is narrowest: a range, the filter, the marks."""
        desk = self.console_app.desk
        if desk.selection.anchor is not None:
            desk.selection.anchor = None
        elif desk.view.filter.text:
            desk.view.filter = parse_filter("")
            self.reorder()
        elif desk.selection.marks:
            desk.selection.clear()
        else:
            self.console_app.say("this is the first screen; q quits")
