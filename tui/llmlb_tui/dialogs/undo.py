"""Take the last change of the thresholds back: only what was changed here, after a look at whom that passes over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding
from textual.widgets import Input

from llmlb.errors import LlmlbError
from llmlb_tui.dialogs.settings import SettingsDialog
from llmlb_tui.model.settings import Settings, SettingsChange, read_settings
from llmlb_tui.model.thresholds import Preview, preview
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, wrapped
from llmlb_tui.render.thresholds import preview_lines

SHOWN_NODES = 6


class UndoDialog(SettingsDialog):
    """Asks once. What others changed since stays as it is, and stops the undo where it is the same setting."""

    BINDINGS: ClassVar = [Binding("y", "yes", show=False), Binding("n", "cancel", show=False)]

    def __init__(self, change: SettingsChange) -> None:
        super().__init__()
        self._change = change
        self._preview: tuple[tuple[int, Settings], Preview, float] | None = None

    def heading(self) -> str:
        return f" Take your last change of the thresholds back - {self.console_app.desk.identity.place} "

    def choices(self) -> Sequence[tuple[str, str]]:
        return (("cancel", "Cancel"), ("yes", "Take it back"))

    def found(self) -> Preview:
        return self._found()[0]

    def _found(self) -> tuple[Preview, float]:
        """The preview and the milliseconds it took, once per state of the fleet and of its settings."""
        state = self.console_app.desk.state
        present = (state.revision, state.settings)
        if self._preview is None or self._preview[0] != present:
            began_s = self.console_app.now_s()
            found = preview(state.nodes.values(), state.settings, self._then())
            self._preview = (present, found, (self.console_app.now_s() - began_s) * 1000)
        return self._preview[1], self._preview[2]

    def _then(self) -> Settings:
        return self._change.undone(self.console_app.desk.state.settings)

    def lines(self, cells: int) -> list[Line]:
        desk = self.console_app.desk
        names, now, then = self._change.names, desk.state.settings, self._then()
        found, took_ms = self._found()
        lines = [line(f"now {now.words(names)}, then {then.words(names)}"), EMPTY]
        lines += preview_lines(found, cells, desk.glyphs, limit=SHOWN_NODES, took_ms=took_ms)
        if self._overtaken():
            lines.append(line(Span(f"! {self._overtaken()}", Role.TROUBLE)))
        if self._said is not None:
            lines.append(self._said)
        return lines + [
            line(dim(part)) for part in wrapped(f"Same as: llmlb thresholds set {then.words(names)}", cells)
        ]

    def _overtaken(self) -> str:
        return overtaken_text(self._change, self.console_app.desk.state.settings)

    def action_yes(self) -> None:
        self._begin()

    def chosen(self, name: str) -> None:
        self._begin()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._begin()

    def _begin(self) -> None:
        app = self.console_app
        if self._is_working:
            return
        if reason := app.why_not_thresholds() or self._overtaken():
            self.refuse(reason)
        elif self.is_confirmed():
            self._is_working = True
            app.spawn(self._apply(app.desk.state.settings))

    async def _apply(self, shown: Settings) -> None:
        app = self.console_app
        try:
            if await self.have_changed(shown):
                self.refuse("somebody else changed the settings meanwhile; nothing was taken back. Look again")
                return
            answer = await app.client.put_settings(self._change.undone(shown).changes_from(shown))
        except LlmlbError as error:
            self.failed(error)
            return
        finally:
            self._is_working = False
        app.desk.undo = None
        app.desk.state.settings = read_settings(answer)
        app.say("your last change of the thresholds is taken back")
        self.close()


def overtaken_text(change: SettingsChange, present: Settings) -> str:
    """Why a change can no longer be taken back; "" while it can."""
    names = change.overtaken(present)
    return f"somebody else set {present.words(names)} since; T changes it" if names else ""
