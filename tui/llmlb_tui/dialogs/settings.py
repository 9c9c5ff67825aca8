"""What both dialogs about the thresholds have: a preview, a big change confirmed by typing, and the change itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from textual.widget import Widget
from textual.widgets import Input

from llmlb.errors import LlmlbError, RouterRefused
from llmlb_tui.dialogs.dialog import Dialog
from llmlb_tui.model.acts import explain_refusal
from llmlb_tui.model.settings import SettingsChange, read_settings
from llmlb_tui.model.thresholds import Preview, preview
from llmlb_tui.render.line import EMPTY, Line, Role, Span, line


class SettingsDialog(Dialog):
    """Subclasses give ``change`` and ``obstacle``, and say what became of it."""

    OVERTAKEN: ClassVar[str]
    """Said where somebody else changed the settings in between."""
    DONE: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._said: Line | None = None
        self._is_working = False
        self._preview: tuple[tuple[int, SettingsChange], Preview, float] | None = None

    @abstractmethod
    def change(self) -> SettingsChange:
        """What would be changed."""

    @abstractmethod
    def obstacle(self) -> str:
        """Why that cannot be done now, "" when it can."""

    @abstractmethod
    def undo_of(self, change: SettingsChange) -> SettingsChange | None:
        """What ``U`` takes back once it is done."""

    def found(self) -> tuple[Preview, float]:
        """What it does to the fleet and the milliseconds that took, once per state of the fleet and of the change."""
        state = self.console_app.desk.state
        change = self.change()
        wanted = (state.revision, change)
        if self._preview is None or self._preview[0] != wanted:
            began_s = self.console_app.now_s()
            found = preview(state.nodes.values(), change.before, change.applied)
            self._preview = (wanted, found, (self.console_app.now_s() - began_s) * 1000)
        return self._preview[1], self._preview[2]

    @property
    def typed(self) -> str:
        """The number that must be typed for a big change; the context's name where that asks for it."""
        identity = self.console_app.desk.identity
        if identity.must_type_name:
            return identity.context
        found, _ = self.found()
        return str(len(found.newly)) if found.is_big else ""

    def begin(self) -> None:
        """Do it, unless something stands in the way; what must still be typed is given the keyboard."""
        app = self.console_app
        if self._is_working:
            return
        if reason := app.why_not_thresholds() or self.obstacle():
            self.refuse(reason)
        elif not self.is_typed:
            self.refuse(f"type {self.typed} below, then Enter: nothing was applied")
            self.query_one("#typed").focus()
        else:
            self._is_working = True
            app.spawn(self._apply(self.change()))

    async def _apply(self, change: SettingsChange) -> None:
        app = self.console_app
        try:
            app.desk.state.settings = read_settings(await app.client.settings())
            if app.desk.state.settings != change.before:
                self.refuse(self.OVERTAKEN)
                return
            answer = await app.client.put_settings(change.applied.changes_from(change.before))
        except LlmlbError as error:
            self.failed(error)
            return
        finally:
            self._is_working = False
        app.desk.undo = self.undo_of(change)
        app.desk.state.settings = read_settings(answer)
        app.say(self.DONE)
        self.close()

    def refuse(self, text: str) -> None:
        """Say why nothing was done."""
        self._said = line(Span(text, Role.TROUBLE))
        self.sync()

    def failed(self, error: LlmlbError) -> None:
        """Say why the router did not do it."""
        if isinstance(error, RouterRefused) and error.status == 401:
            self.console_app.session_ended(error.message)
        self.refuse(explain_refusal(error))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.begin()

    def inputs(self) -> Iterator[Widget]:
        yield from self.field(self._typed_label, id="typed")

    def _typed_label(self) -> Line:
        return line(Span(f"type {self.typed} to confirm", Role.WARNING)) if self.typed else EMPTY

    def sync(self) -> int:
        changed = super().sync()
        for field in self.query("#typed").results(Input):
            field.disabled = not self.typed
            if field.parent is not None:
                field.parent.display = bool(self.typed)
        return changed
