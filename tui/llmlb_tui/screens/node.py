"""Everything about one node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llmlb.errors import LlmlbError
from llmlb_tui.model.actions import Place
from llmlb_tui.model.reading import NO_FIELDS, Fields
from llmlb_tui.render.line import EMPTY, Line, Role, Span, line
from llmlb_tui.render.side import detail_lines
from llmlb_tui.screens.screen import bindings_of
from llmlb_tui.screens.text import PageScreen

REFRESH_S = 2.0


class NodeScreen(PageScreen):
    """One node, live: what the feed says at once, what only its own page says every two seconds."""

    PLACE = Place.NODE
    BINDINGS: ClassVar = bindings_of(Place.NODE)

    def __init__(self, node_id: str) -> None:
        super().__init__()
        self.node_id = node_id
        self._detail: Fields = NO_FIELDS
        self._asked_at_s = float("-inf")
        self._is_asking = False

    def page(self, cells: int) -> Sequence[Line]:
        app = self.console_app
        node = app.desk.state.nodes.get(self.node_id)
        if node is None:
            return [EMPTY, line(Span(f" {self.node_id} is not in the fleet any more", Role.TROUBLE))]
        return detail_lines(app.desk, node, self._detail, app.now_s(), cells)

    def prepare(self) -> None:
        app = self.console_app
        if self._is_asking or app.now_s() - self._asked_at_s < REFRESH_S or app.desk.connection.why_not(app.now_s()):
            return
        self._is_asking = True
        self._asked_at_s = app.now_s()
        app.spawn(self._ask())

    def do_why(self) -> None:
        self.console_app.explain_node(self.node_id)

    async def _ask(self) -> None:
        try:
            answer = await self.console_app.client.node(self.node_id)
        except LlmlbError:
            # What the feed says is on the screen already; the connection's state is told by the title.
            return
        finally:
            self._is_asking = False
        self._detail = dict(answer)
        self.console_app.take_history(self.node_id, self._detail.get("history"))
        self.sync()
