"""Do something to nodes; drain them, with a reason."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Iterator, Sequence

from textual import events
from textual.widget import Widget
from textual.widgets import Input

from llmlb_tui.dialogs.act import ActDialog
from llmlb_tui.dialogs.dialog import Choice
from llmlb_tui.model.acts import ACTS, Pinned, confirmation_text
from llmlb_tui.model.formats import count, percent
from llmlb_tui.model.nodes import NodeRow
from llmlb_tui.model.selection import Selection
from llmlb_tui.render.columns import MOOD_ROLES
from llmlb_tui.render.line import Span

Drain = Callable[[Pinned, str], Awaitable[None]]

MAX_REASON_CHARACTERS = 200
"""What the router takes."""


class ConfirmDialog(ActDialog[NodeRow]):
    """A node that has changed since the dialog opened is left alone by the router."""

    NOUN = "node"

    @property
    def typed(self) -> str:
        identity = self.console_app.desk.identity
        return confirmation_text(
            self._act, self._targets, context=identity.context, must_type_name=identity.must_type_name
        )

    def present(self, id: str) -> NodeRow | None:
        return self.console_app.desk.state.nodes.get(id)

    def sign(self, target: NodeRow) -> Span:
        return Span(self.console_app.desk.glyphs.moods[target.mood], MOOD_ROLES[target.mood])

    def has_changed(self, target: NodeRow, pinned: Pinned) -> bool:
        return target.revision != pinned.revision

    def facts(self, target: NodeRow) -> str:
        """Address, cards, load."""
        host = target.url.partition("://")[2].partition("/")[0]
        cards = f"{len(target.gpus)}x {target.gpus[0]}" if target.gpus else ""
        load = f"gpu {percent(target.gpu)} active {count(target.active)}"
        return "  ".join(filter(None, [host, cards, load]))


class DrainDialog(ConfirmDialog):
    """Asks for the reason too, which the audit and the event tell; none is needed."""

    def __init__(self, targets: Sequence[Pinned], skipped: int, drain: Drain, selection: Selection) -> None:
        super().__init__(ACTS["drain"], targets, skipped, self._with_reason, selection)
        self._drain = drain

    def inputs(self) -> Iterator[Widget]:
        yield from self.field("Reason (r)", id="reason", max_length=MAX_REASON_CHARACTERS)
        yield from super().inputs()

    @property
    def reason(self) -> str:
        """As typed so far; there is no field yet when the dialog is measured for the first time."""
        return self.text_of("reason") if self.query("#reason") else ""

    def on_key(self, event: events.Key) -> None:
        if event.key == "r" and not self.typed and isinstance(self.focused, Choice):
            event.stop()
            event.prevent_default()
            # At once: what is typed in the same breath is the reason.
            self.set_focus(self.query_one("#reason"))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.sync()

    def options(self) -> Sequence[str]:
        return [f"--reason {shlex.quote(self.reason)}"] if self.reason else []

    async def _with_reason(self, pinned: Pinned) -> None:
        await self._drain(pinned, self.reason)
