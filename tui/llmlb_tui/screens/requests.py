"""The recent requests: how each ended, where, and why there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llmlb.errors import LlmlbError
from llmlb_tui.model.actions import Place
from llmlb_tui.model.acts import explain_refusal
from llmlb_tui.model.listed import REQUESTS, RowSubject
from llmlb_tui.model.reading import Fields
from llmlb_tui.model.text import clean
from llmlb_tui.render.line import Line, Role, Span, both_ends, clipped, dim, line
from llmlb_tui.render.requests import request_head, request_line, request_page
from llmlb_tui.screens.filtered import FilteredScreen
from llmlb_tui.screens.screen import bindings_of
from llmlb_tui.screens.text import TextScreen

FETCH_S = 1.0
LISTED = 300


class RequestScreen(FilteredScreen[RowSubject]):
    """Fetched once a second while it is shown. Bodies are never fetched."""

    PLACE = Place.REQUESTS
    BINDINGS: ClassVar = bindings_of(Place.REQUESTS)
    EMPTY_TEXT = "no request yet"
    TITLE_WORD = "REQUESTS"

    def __init__(self) -> None:
        super().__init__(REQUESTS)
        self._requests: dict[str, Fields] = {}
        self._said = ""
        self._asked_at_s = float("-inf")
        self._is_asking = False

    def names(self) -> Sequence[str]:
        app = self.console_app
        now_unix_s = app.desk.state.router_now(app.now_s())
        return [
            request_id for request_id, request in self._requests.items() if self.admits(RowSubject(request, now_unix_s))
        ]

    def prepare(self) -> None:
        app = self.console_app
        super().prepare()
        if self._is_asking or app.desk.is_paused or app.now_s() - self._asked_at_s < FETCH_S:
            return
        if app.desk.connection.why_not(app.now_s()):
            return
        self._is_asking = True
        self._asked_at_s = app.now_s()
        app.spawn(self._fetch())

    async def _fetch(self) -> None:
        try:
            listed = await self.console_app.client.requests(limit=LISTED)
            self._said = ""
        except LlmlbError as error:
            self._said = explain_refusal(error)
            return
        finally:
            self._is_asking = False
        self._requests = {clean(request.get("id")): request for request in listed}
        self.sync()

    def head(self, cells: int) -> list[Line]:
        left = self.titled(Span(f"   {self._said}", Role.TROUBLE))
        right = line(dim(f"{len(self.selection.ids)} of the last {len(self._requests)}, newest first "))
        return [both_ends(left, right, cells), request_head(cells)]

    def row(self, name: str, cells: int, is_cursor: bool) -> Line | None:
        request = self._requests.get(name)
        if request is None:
            return None
        base = Role.CURSOR if is_cursor else Role.TEXT
        return clipped(request_line(request, self.console_app.desk.glyphs, cells, base=base), cells)

    def do_open(self) -> None:
        if self.selection.cursor:
            self.console_app.spawn(self._open(self.selection.cursor))

    async def _open(self, request_id: str) -> None:
        app = self.console_app
        try:
            request = await app.client.request(request_id)
        except LlmlbError as error:
            app.say(f"request: {explain_refusal(error)}", trouble=True)
            return
        app.push_screen(TextScreen(lambda cells: request_page(request, cells, app.desk.glyphs)))

    def do_why(self) -> None:
        """Of the model of the request under the cursor."""
        model = clean(self._requests.get(self.selection.cursor, {}).get("model"))
        if model:
            self.console_app.open_explanation(model)
        else:
            self.console_app.do_why()

    def do_copy(self) -> None:
        request = self._requests.get(self.selection.cursor)
        if request is not None:
            app, name = self.console_app, self.selection.cursor
            row = request_line(request, app.desk.glyphs, self.size.width, base=Role.TEXT).text
            app.offer_row(name, row, request, ["llmlb", "requests", "get", name, "-o", "json"])

    def do_export(self) -> None:
        self.console_app.offer_export(
            lambda: [dict(self._requests[name]) for name in self.selection.ids if name in self._requests], "requests"
        )
