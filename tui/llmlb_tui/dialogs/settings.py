"""What both dialogs about the thresholds have: a big change is confirmed by typing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from llmlb.errors import LlmlbError, RouterRefused
from llmlb_tui.dialogs.dialog import Dialog
from llmlb_tui.model.acts import explain_refusal
from llmlb_tui.model.settings import Settings, read_settings
from llmlb_tui.model.thresholds import Preview
from llmlb_tui.render.line import EMPTY, Line, Role, Span, line
from llmlb_tui.widgets.lines import Lines


class SettingsDialog(Dialog):
    """Subclasses give ``found``; ``is_confirmed`` says whether what must be typed was."""

    def __init__(self) -> None:
        super().__init__()
        self._said: Line | None = None
        self._is_working = False

    @abstractmethod
    def found(self) -> Preview:
        """What the change would do to the fleet as it is now."""

    def needed(self) -> str:
        """The number that must be typed for a big change; the context's name where that asks for it."""
        identity = self.console_app.desk.identity
        if identity.must_type_name:
            return identity.context
        found = self.found()
        return str(len(found.newly)) if found.is_big else ""

    def is_confirmed(self) -> bool:
        """Whether it may be done now; otherwise the field is given the keyboard."""
        needed = self.needed()
        if not needed or self.query_one("#confirmation", Input).value.strip() == needed:
            return True
        self.refuse(f"type {needed} below, then Enter: nothing was applied")
        self.query_one("#confirmation").focus()
        return False

    def refuse(self, text: str) -> None:
        """Say why nothing was done."""
        self._said = line(Span(text, Role.TROUBLE))
        self.sync()

    def failed(self, error: LlmlbError) -> None:
        """Say why the router did not do it."""
        if isinstance(error, RouterRefused) and error.status == 401:
            self.console_app.session_ended(error.message)
        self.refuse(explain_refusal(error))

    async def have_changed(self, shown: Settings) -> bool:
        """Ask the router whether its settings are others than the ones that were looked at; they are shown then."""
        app = self.console_app
        present = read_settings(await app.client.settings())
        app.desk.state.settings = present
        return present != shown

    def inputs(self) -> Iterator[Widget]:
        with Horizontal(classes="field", id="confirm"):
            yield Lines(self._confirm_label, self.console_app.painter_now, classes="label")
            yield Input(select_on_focus=False, id="confirmation", disabled=True)

    def _confirm_label(self, cells: int, height: int) -> list[Line]:
        needed = self.needed()
        return [line(Span(f"type {needed} to confirm", Role.WARNING)) if needed else EMPTY]

    def sync(self) -> int:
        changed = super().sync()
        for field in self.query("#confirmation").results(Input):
            needed = bool(self.needed())
            field.disabled = not needed
            self.query_one("#confirm").display = needed
        return changed
