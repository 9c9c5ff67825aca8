"""A page of lines to read: scrolled with the same keys as the lists."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from textual.widget import Widget

from llmlb_tui.model.actions import Place
from llmlb_tui.render.line import Line
from llmlb_tui.screens.screen import ConsoleScreen, bindings_of
from llmlb_tui.widgets.lines import Lines

WHEEL_LINES = 3


class PageScreen(ConsoleScreen):
    """A screen whose body is one long page. ``page`` makes its lines, each time anew."""

    PLACE: ClassVar[Place] = Place.HELP
    _top = 0

    @abstractmethod
    def page(self, cells: int) -> Sequence[Line]:
        """All lines of the page."""

    def body(self) -> Iterator[Widget]:
        yield Lines(self._shown, self.console_app.painter_now, on_wheel=self._wheel, id="page")

    def _shown(self, cells: int, height: int) -> list[Line]:
        lines = self.page(cells)
        self._top = max(0, min(self._top, len(lines) - height))
        return list(lines[self._top : self._top + height])

    def _wheel(self, direction: int) -> None:
        self._scroll(direction * WHEEL_LINES)

    def _scroll(self, lines: int) -> None:
        self._top = max(0, self._top + lines)
        self.sync()

    def _height(self) -> int:
        return max(1, self.query_one("#page").size.height)

    def do_up(self) -> None:
        self._scroll(-1)

    def do_down(self) -> None:
        self._scroll(1)

    do_up_letter = do_up
    do_down_letter = do_down

    def do_page_up(self) -> None:
        self._scroll(-self._height())

    def do_page_down(self) -> None:
        self._scroll(self._height())

    def do_first(self) -> None:
        self._top = 0

    def do_last(self) -> None:
        self._top = 1_000_000


class TextScreen(PageScreen):
    """A page that a function makes: an explanation, a request."""

    BINDINGS: ClassVar = bindings_of(Place.HELP)

    def __init__(self, make: Callable[[int], Sequence[Line]]) -> None:
        super().__init__()
        self._make_page = make

    def page(self, cells: int) -> Sequence[Line]:
        return self._make_page(cells)
