"""A list with a cursor: as many rows as there are, as few drawn as fit."""

from __future__ import annotations

from collections.abc import Callable

from llmlb_tui.model.selection import Selection
from llmlb_tui.render.line import EMPTY, Line
from llmlb_tui.render.painter import Painter
from llmlb_tui.widgets.lines import Lines

RowLine = Callable[[str, int, bool], Line | None]
"""From a row's name, the width and whether the cursor is on it to its line; None for a row that is gone."""

WHEEL_ROWS = 3


class RowList(Lines):
    """Draws the rows of a selection. ``top`` is the first row shown; the cursor is always in sight."""

    def __init__(
        self,
        selection: Selection,
        row_line: RowLine,
        painter: Callable[[], Painter],
        *,
        on_open: Callable[[], None] | None = None,
        empty: Callable[[], list[Line]] | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(self._rows, painter, on_press=self._press, on_wheel=self._wheel, id=id)
        self.selection = selection
        self.top = 0
        self._row_line = row_line
        self._on_open = on_open
        self._empty = empty

    @property
    def page_rows(self) -> int:
        return max(1, self.size.height)

    @property
    def shown_range(self) -> tuple[int, int]:
        """The first and the last row on the screen, counted from 1; 0, 0 without any."""
        total = len(self.selection.ids)
        return (self.top + 1, min(total, self.top + self.page_rows)) if total else (0, 0)

    def settle(self) -> None:
        """Bring the cursor into sight."""
        total, height = len(self.selection.ids), self.page_rows
        place = self.selection.place
        if place < self.top:
            self.top = place
        elif place >= self.top + height:
            self.top = place - height + 1
        self.top = max(0, min(self.top, total - height))

    def _rows(self, cells: int, height: int) -> list[Line]:
        self.settle()
        ids = self.selection.ids
        if not ids and self._empty is not None:
            return self._empty()
        lines = []
        for place in range(self.top, min(len(ids), self.top + height)):
            made = self._row_line(ids[place], cells, place == self.selection.place)
            lines.append(EMPTY if made is None else made)
        return lines

    def _press(self, x: int, y: int, clicks: int) -> None:
        place = self.top + y
        if place >= len(self.selection.ids):
            return
        self.selection.go(place)
        self.sync()
        if clicks == 2 and self._on_open is not None:
            self._on_open()

    def _wheel(self, direction: int) -> None:
        self.selection.move(direction * WHEEL_ROWS)
        self.sync()
