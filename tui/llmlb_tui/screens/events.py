"""Everything that happened since the console was opened, newest at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llmlb_tui.export import event_fields
from llmlb_tui.model.actions import Place
from llmlb_tui.model.advice import Advice
from llmlb_tui.model.events import Event
from llmlb_tui.render.columns import WidthClass
from llmlb_tui.render.events import event_detail, event_line
from llmlb_tui.render.line import EMPTY, Line, Role, Span, both_ends, clipped, dim, key, line
from llmlb_tui.screens.listing import ListScreen
from llmlb_tui.screens.screen import bindings_of
from llmlb_tui.screens.text import TextScreen
from llmlb_tui.widgets.question import Question


class EventScreen(ListScreen):
    """Sticks to the newest event until the cursor leaves it; ``G`` sticks again."""

    PLACE = Place.EVENTS
    BINDINGS: ClassVar = bindings_of(Place.EVENTS)
    EMPTY_TEXT = "nothing has happened since this console was opened"

    def __init__(self) -> None:
        super().__init__()
        self._query = ""
        self._sticks = True
        self._left_at = 0
        self._known: dict[str, Event] = {}
        self._seen_number = -1
        self._seen_query = ""

    def names(self) -> Sequence[str]:
        ring = self.console_app.desk.state.events
        if ring.newest != self._seen_number or self._query != self._seen_query:
            self._seen_number, self._seen_query = ring.newest, self._query
            wanted = self._query.lower()
            listed = [event for event in ring.newest_first() if not wanted or wanted in _haystack(event)]
            self._known = {str(event.number): event for event in reversed(listed)}
        return list(self._known)

    def prepare(self) -> None:
        super().prepare()
        ring = self.console_app.desk.state.events
        if self._sticks:
            self.selection.go(len(self.selection.ids) - 1)
            ring.mark_read()

    def head(self, cells: int) -> list[Line]:
        ring = self.console_app.desk.state.events
        new = "" if self._sticks else f"+{ring.newest - self._left_at} new (G)   "
        right = line(Span(new, Role.WARNING), dim(f"{len(self.selection.ids):,} of {len(ring):,} "))
        query = Span(self._query, Role.WARNING) if self._query else dim("(no filter)")
        names = f" {'TIME':<9}  {'ABOUT':<22}{'WHAT':<11} CAUSE"
        return [
            both_ends(line(Span(" EVENTS   ", Role.HEADER), key("/ "), query), right, cells),
            line(Span(names, Role.HEADER)),
        ]

    def row(self, name: str, cells: int, is_cursor: bool) -> Line | None:
        event = self._known.get(name)
        if event is None:
            return None
        base = Role.CURSOR if is_cursor and not self._sticks else Role.TEXT
        return clipped(
            event_line(event, self.console_app.desk.glyphs, wide=cells >= WidthClass.NARROW, base=base), cells
        )

    def do_open(self) -> None:
        event = self._known.get(self.selection.cursor)
        if event is None:
            return
        lines = [EMPTY, *event_detail(event)]
        if event.node_id in self.console_app.desk.state.nodes:
            self.console_app.open_node(event.node_id)
        else:
            self.console_app.push_screen(TextScreen(lambda cells: lines))

    def do_up(self) -> None:
        self._leave_newest()
        super().do_up()

    def do_page_up(self) -> None:
        self._leave_newest()
        super().do_page_up()

    def do_first(self) -> None:
        self._leave_newest()
        super().do_first()

    do_up_letter = do_up

    def do_last(self) -> None:
        self._sticks = True

    def _leave_newest(self) -> None:
        if self._sticks:
            self._sticks = False
            self._left_at = self.console_app.desk.state.events.newest

    def do_filter(self) -> None:
        before = self._query

        def changed(text: str) -> Advice:
            self._query = text.strip()
            self.sync()
            return Advice("events that hold this text, in any column")

        def cancelled() -> None:
            self._query = before
            self.sync()

        self.ask(Question("/", before, changed, lambda text: True, cancelled))

    def do_back(self) -> None:
        if self._query:
            self._query = ""
        else:
            super().do_back()

    def do_copy(self) -> None:
        event = self._known.get(self.selection.cursor)
        if event is not None:
            text = event_line(event, self.console_app.desk.glyphs, wide=True).text.strip()
            self.console_app.offer_copies({"id": event.id, "row": text})

    def do_export(self) -> None:
        self.console_app.offer_export(lambda: [event_fields(event) for event in self._known.values()], "events")


def _haystack(event: Event) -> str:
    return f"{event.subject} {event.kind} {event.tone.word} {event.cause} {event.actor}".lower()
