"""The keys of the screen one came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llmlb_tui.model.actions import Place
from llmlb_tui.render.help import help_lines
from llmlb_tui.render.line import Line
from llmlb_tui.screens.screen import bindings_of
from llmlb_tui.screens.text import PageScreen


class HelpScreen(PageScreen):
    """Help for one screen."""

    PLACE = Place.HELP
    BINDINGS: ClassVar = bindings_of(Place.HELP)

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    def page(self, cells: int) -> Sequence[Line]:
        app = self.console_app
        return help_lines(app.desk, self._place, app.now_s(), cells)
