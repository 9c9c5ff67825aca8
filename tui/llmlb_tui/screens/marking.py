"""Lists whose rows can be marked, so that one act is about many of them."""

from __future__ import annotations

from llmlb_tui.model.selection import Selection
from llmlb_tui.screens.screen import ConsoleScreen


class MarkingScreen(ConsoleScreen):
    """Subclasses keep their cursor and their marks in ``selection``."""

    selection: Selection

    def do_mark(self) -> None:
        self.selection.toggle_mark()

    def do_mark_range(self) -> None:
        if self.selection.begin_or_end_range():
            self.console_app.say("range: move to its other end, then v again")

    def do_mark_all(self) -> None:
        self.selection.mark_all()

    def do_mark_none(self) -> None:
        self.selection.clear()
