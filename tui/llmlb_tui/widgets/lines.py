"""The one widget that draws: lines that a function gives. Only those that changed are sent to the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from llmlb_tui.render.line import EMPTY, Line
from llmlb_tui.render.painter import Painter

MakeLines = Callable[[int, int], Sequence[Line]]
"""From cells and lines of the widget to what it shows."""


class Lines(Widget, can_focus=False):
    """A block of lines. ``sync`` asks for them anew; nothing else ever redraws it.

    on_press: called with the cell, the line and the number of clicks.  on_wheel: with -1 for up and 1 for down.
    """

    DEFAULT_CSS = """
    Lines { height: 1fr; width: 1fr; }
    """

    def __init__(
        self,
        make: MakeLines,
        painter: Callable[[], Painter],
        *,
        on_press: Callable[[int, int, int], None] | None = None,
        on_wheel: Callable[[int], None] | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._make = make
        self._painter = painter
        self._on_press = on_press
        self._on_wheel = on_wheel
        self._shown: list[Line] = []
        self._strips: dict[int, Strip] = {}
        """Lines of ``_shown`` that were painted already."""

    def sync(self) -> int:
        """Ask for the lines and redraw those that differ; answers how many."""
        cells, height = self.size
        if cells <= 0 or height <= 0:
            return 0
        lines = list(self._make(cells, height))[:height]
        lines += [EMPTY] * (height - len(lines))
        before = self._shown
        if len(before) != height:
            self._shown = lines
            self._strips.clear()
            self.refresh()
            return height
        changed = [y for y, new in enumerate(lines) if new != before[y]]
        self._shown = lines
        if changed:
            for y in changed:
                self._strips.pop(y, None)
            self.refresh(*[Region(0, y, cells, 1) for y in changed])
        return len(changed)

    def render_lines(self, crop: Region) -> list[Strip]:
        """As Textual does it, which looks for borders, paddings and opacities on every line; these blocks have none."""
        if self.app.get_line_filters():
            return super().render_lines(crop)
        cells = self.size.width
        strips = [self._strip(y, cells) for y in crop.line_range]
        if crop.column_span != (0, cells):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        return self._strip(y, self.size.width)

    def _strip(self, y: int, cells: int) -> Strip:
        known = self._strips.get(y)
        if known is None or known.cell_length != cells:
            line = self._shown[y] if y < len(self._shown) else EMPTY
            known = self._strips[y] = Strip(self._painter().segments(line, cells), cells)
        return known

    def on_resize(self, event: events.Resize) -> None:
        self.sync()

    def on_click(self, event: events.Click) -> None:
        if self._on_press is not None:
            event.stop()
            self._on_press(event.x, event.y, event.chain)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        if self._on_wheel is not None:
            event.stop()
            self._on_wheel(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if self._on_wheel is not None:
            event.stop()
            self._on_wheel(-1)
