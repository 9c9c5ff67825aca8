"""Screens that are one list under a line or two."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from textual.widget import Widget

from llmlb_tui.model.selection import Selection
from llmlb_tui.render.line import EMPTY, Line, dim, line
from llmlb_tui.screens.screen import ConsoleScreen
from llmlb_tui.widgets.lines import Lines
from llmlb_tui.widgets.rows import RowList


class ListScreen(ConsoleScreen):
    """A list with a cursor. Subclasses give ``names``, ``row`` and ``head``."""

    DEFAULT_CSS = """
    ListScreen #head { height: 2; }
    """
    EMPTY_TEXT = "nothing here"

    def __init__(self) -> None:
        super().__init__()
        self.selection = Selection()

    def body(self) -> Iterator[Widget]:
        painter = self.console_app.painter_now
        yield Lines(lambda cells, height: self.head(cells), painter, id="head")
        yield RowList(self.selection, self.row, painter, on_open=self.do_open, empty=self._empty, id="rows")

    @property
    def rows(self) -> RowList:
        return self.query_one("#rows", RowList)

    @abstractmethod
    def names(self) -> Sequence[str]:
        """What is listed, in order, each under a name that stays the same."""

    @abstractmethod
    def row(self, name: str, cells: int, is_cursor: bool) -> Line | None:
        """The line of one of them."""

    @abstractmethod
    def head(self, cells: int) -> list[Line]:
        """The two lines above the list: what it is, and the names of the columns."""

    def prepare(self) -> None:
        if not self.console_app.desk.is_paused:
            self.selection.show(self.names())

    def do_open(self) -> None:
        """Nothing more is known than what the row says."""

    def _empty(self) -> list[Line]:
        return [EMPTY, line(dim(f"   {self.EMPTY_TEXT}"))]

    def do_up(self) -> None:
        self.selection.move(-1)

    def do_down(self) -> None:
        self.selection.move(1)

    do_up_letter = do_up
    do_down_letter = do_down

    def do_page_up(self) -> None:
        self.selection.move(-self.rows.page_rows)

    def do_page_down(self) -> None:
        self.selection.move(self.rows.page_rows)

    def do_first(self) -> None:
        self.selection.go(0)

    def do_last(self) -> None:
        self.selection.go(len(self.selection.ids) - 1)
