"""Everything that happened, newest at the bottom: what the router remembers from before, and what it tells now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llmlb_tui.export import event_fields
from llmlb_tui.model.actions import Place
from llmlb_tui.model.events import Event
from llmlb_tui.model.listed import EVENTS, EventSubject
from llmlb_tui.render.columns import WidthClass
from llmlb_tui.render.events import event_detail, event_line
from llmlb_tui.render.line import EMPTY, Line, Role, Span, both_ends, clipped, dim, key, line
from llmlb_tui.screens.filtered import FilteredScreen
from llmlb_tui.screens.screen import bindings_of
from llmlb_tui.screens.text import PageScreen


class EventScreen(FilteredScreen[EventSubject]):
    """Sticks to the newest event until the cursor leaves it; ``G`` sticks again."""

    PLACE = Place.EVENTS
    BINDINGS: ClassVar = bindings_of(Place.EVENTS)
    EMPTY_TEXT = "no event yet"
    TITLE_WORD = "EVENTS"

    def __init__(self) -> None:
        super().__init__(EVENTS)
        self._sticks = True
        self._left_at = 0
        self._known: dict[str, Event] = {}
        self._seen: tuple[object, ...] = ()

    def names(self) -> Sequence[str]:
        app = self.console_app
        ring = app.desk.state.events
        now_unix_s = app.desk.state.router_now(app.now_s())
        # A filter may ask for ages, which grow without anything having happened.
        seen = (ring.newest, len(ring), self.query_text, self.query_text and int(now_unix_s))
        if self._seen != seen:
            self._seen = seen
            listed = [event for event in ring.newest_first() if self.admits(EventSubject(event, now_unix_s))]
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
        names = f" {'TIME':<9}  {'ABOUT':<22}{'WHAT':<11} CAUSE"
        return [
            both_ends(self.titled(), right, cells),
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
        if event is not None:
            self.console_app.push_screen(EventPage(event))

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

    def do_copy(self) -> None:
        event = self._known.get(self.selection.cursor)
        if event is not None:
            row = event_line(event, self.console_app.desk.glyphs, wide=True).text
            about = ["--node", event.node_id] if event.node_id else []
            self.console_app.offer_row(event.id, row, event_fields(event), ["llmlb", "events", "list", *about])

    def do_export(self) -> None:
        self.console_app.offer_export(lambda: [event_fields(event) for event in self._known.values()], "events")


class EventPage(PageScreen):
    """One event, and what to do about it; Enter goes on to its node."""

    PLACE = Place.EVENT
    BINDINGS: ClassVar = bindings_of(Place.EVENT)

    def __init__(self, event: Event) -> None:
        super().__init__()
        self._event = event

    def page(self, cells: int) -> Sequence[Line]:
        lines = [EMPTY, *event_detail(self._event, cells)]
        if self._event.node_id in self.console_app.desk.state.nodes:
            lines += [EMPTY, line(key(" Enter"), dim(f" opens {self._event.node_id}"))]
        return lines

    def do_open_node(self) -> None:
        if self._event.node_id:
            self.console_app.open_node(self._event.node_id)
        else:
            self.console_app.say("this event is about no single node", trouble=True)
