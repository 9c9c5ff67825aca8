"""Find an action by its name or by what it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from llmlb_tui.dialogs.dialog import Dialog
from llmlb_tui.model.actions import BY_ID, Action, Group, actions_of
from llmlb_tui.model.selection import Selection
from llmlb_tui.model.text import cut, fitted
from llmlb_tui.render.line import Line, Role, Span, clipped, dim, key, line
from llmlb_tui.screens.screen import ConsoleScreen
from llmlb_tui.widgets.rows import RowList

SHOWN_ROWS = 14


class PaletteDialog(Dialog):
    """A field and the actions that fit it; Enter carries the chosen one out."""

    AUTO_FOCUS = "Input"
    CELLS = 72
    BINDINGS: ClassVar = [Binding("ctrl+p", "cancel", show=False)]
    DEFAULT_CSS = """
    PaletteDialog RowList { height: 14; }
    """

    def __init__(self, screen: ConsoleScreen) -> None:
        super().__init__()
        self._screen_below = screen
        unwanted = {Group.MOVE, Group.REPLAY} if screen.console_app.desk.playback is None else {Group.MOVE}
        self._actions = [
            action
            for action in actions_of(screen.PLACE)
            if action.group not in unwanted and action.id not in ("palette", "back")
        ]
        self._selection = Selection()
        self._selection.follows = False

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield from self.inputs()
            yield RowList(self._selection, self._row, self.console_app.painter_now, on_open=self._take, id="content")

    def inputs(self) -> Iterator[Widget]:
        yield Input(placeholder="an action", select_on_focus=False)

    def heading(self) -> str:
        return " Actions "

    def lines(self, cells: int) -> list[Line]:
        return [line("")] * SHOWN_ROWS

    def on_mount(self) -> None:
        self._search("")
        super().on_mount()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._search(event.value)
        self.sync()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._take()

    def on_key(self, event: events.Key) -> None:
        step = {"up": -1, "down": 1}.get(event.key)
        if step is not None:
            event.stop()
            event.prevent_default()
            self._selection.move(step)
            self.sync()

    def _search(self, text: str) -> None:
        words = text.lower().split()
        found = [action for action in self._actions if all(word in _haystack(action) for word in words)]
        ranked = sorted(found, key=lambda action: not action.label.startswith(text.lower()) if text else False)
        self._selection.show([action.id for action in ranked])
        self._selection.go(0)

    def _row(self, name: str, cells: int, is_cursor: bool) -> Line | None:
        action = BY_ID[name]
        desk = self.console_app.desk
        reason = desk.why_not(action, self.console_app.now_s())
        pieces = [
            key(f" {fitted(action.shown_keys[0], 7)}"),
            Span(fitted(action.label, 13), Role.DIM if reason else Role.STRONG),
            dim(cut(reason or action.about, cells - 22, ellipsis=desk.glyphs.ellipsis)),
        ]
        return clipped(line(*pieces, base=Role.CURSOR if is_cursor else Role.TEXT), cells)

    def _take(self) -> None:
        name = self._selection.cursor
        self.close()
        if name:
            self._screen_below.action_do(name)


def _haystack(action: Action) -> str:
    return f"{action.id} {action.label} {action.about}".lower()
