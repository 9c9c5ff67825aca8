"""Choose one of a few things by its letter, or with the arrows and Enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical

from llmlb_tui.dialogs.dialog import Dialog
from llmlb_tui.model.selection import Selection
from llmlb_tui.model.text import cut, fitted
from llmlb_tui.render.line import Line, Role, Span, clipped, dim, key, line
from llmlb_tui.widgets.rows import RowList


class Option(NamedTuple):
    """One thing. letter: chooses it at once, "" for none.  is_on: shown with a mark."""

    name: str
    letter: str
    text: str
    about: str = ""
    is_on: bool = False


class Chooser(Dialog):
    """Calls ``chosen`` with an option's name. Stays open while that answers True: for things that are switched.

    twice: what the opening key does when it is pressed again; the heading then says what is different.
    """

    AUTO_FOCUS = ""
    CELLS = 64
    BINDINGS: ClassVar = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("enter", "take", show=False),
        Binding("space", "take", show=False),
    ]
    DEFAULT_CSS = """
    Chooser #options { height: auto; max-height: 20; }
    """

    def __init__(
        self,
        title: str,
        options: Callable[[], Sequence[Option]],
        chosen: Callable[[str, bool], bool],
        *,
        opening_key: str = "",
        twice: str = "",
    ) -> None:
        super().__init__()
        self._title = title
        self._options = options
        self._take_it = chosen
        self._opening_key = opening_key
        self._twice = twice
        self._is_second = False
        self._selection = Selection()

    def compose(self) -> ComposeResult:
        self._selection.show([option.name for option in self._options()])
        active = next((option.name for option in self._options() if option.is_on), "")
        self._selection.go_to(active)
        with Vertical(id="box"):
            yield RowList(
                self._selection, self._row, self.console_app.painter_now, on_open=self.action_take, id="content"
            )

    def heading(self) -> str:
        return f" {self._title}{f': {self._twice}' if self._is_second else ''} "

    def lines(self, cells: int) -> list[Line]:
        return [line("")] * len(self._options())

    def _row(self, name: str, cells: int, is_cursor: bool) -> Line | None:
        option = next((option for option in self._options() if option.name == name), None)
        if option is None:
            return None
        mark = self.console_app.desk.glyphs.marked if option.is_on else " "
        pieces = [
            Span(f" {mark} ", Role.MARK),
            key(fitted(option.letter, 2)),
            Span(f" {fitted(option.text, min(26, cells // 2))}"),
            dim(f" {cut(option.about, max(0, cells - 34))}"),
        ]
        return clipped(line(*pieces, base=Role.CURSOR if is_cursor else Role.TEXT), cells)

    def action_move(self, rows: int) -> None:
        self._selection.move(rows)
        self.sync()

    def action_take(self) -> None:
        self._take(self._selection.cursor)

    def on_key(self, event: events.Key) -> None:
        pressed = event.character or event.key
        if self._twice and event.character == self._opening_key and not self._is_second:
            event.stop()
            event.prevent_default()
            self._is_second = True
            self.sync()
            return
        option = next((option for option in self._options() if option.letter and option.letter == pressed), None)
        if option is not None:
            event.stop()
            event.prevent_default()
            self._take(option.name)

    def _take(self, name: str) -> None:
        if not name:
            return
        self._selection.go_to(name)
        if self._take_it(name, self._is_second):
            self.sync()
        else:
            self.close()
