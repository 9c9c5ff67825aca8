"""Take the last change of the thresholds back: only what was changed here, after a look at whom that passes over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding

from llmlb_tui.dialogs.settings import SettingsDialog
from llmlb_tui.model.settings import Settings, SettingsChange
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, wrapped
from llmlb_tui.render.thresholds import preview_lines

SHOWN_NODES = 6


class UndoDialog(SettingsDialog):
    """Asks once. What others changed since stays as it is, and stops the undo where it is the same setting."""

    BINDINGS: ClassVar = [Binding("y", "begin", show=False), Binding("n", "cancel", show=False)]
    OVERTAKEN = "somebody else changed the settings meanwhile; nothing was taken back. Look again"
    DONE = "your last change of the thresholds is taken back"

    def __init__(self, change: SettingsChange) -> None:
        super().__init__()
        self._change = change

    def heading(self) -> str:
        return f" Take your last change of the thresholds back - {self.console_app.desk.identity.place} "

    def choices(self) -> Sequence[tuple[str, str]]:
        return (("cancel", "Cancel"), ("yes", "Take it back"))

    def change(self) -> SettingsChange:
        present = self.console_app.desk.state.settings
        return SettingsChange(present, self._change.undone(present))

    def undo_of(self, change: SettingsChange) -> None:
        """An undo is not taken back."""

    def obstacle(self) -> str:
        return overtaken_text(self._change, self.console_app.desk.state.settings)

    def lines(self, cells: int) -> list[Line]:
        desk = self.console_app.desk
        names, (now, then) = self._change.names, self.change()
        found, took_ms = self.found()
        lines = [line(f"now {now.words(names)}, then {then.words(names)}"), EMPTY]
        lines += preview_lines(found, cells, desk.glyphs, limit=SHOWN_NODES, took_ms=took_ms)
        if obstacle := self.obstacle():
            lines.append(line(Span(f"! {obstacle}", Role.TROUBLE)))
        if self._said is not None:
            lines.append(self._said)
        return lines + [
            line(dim(part)) for part in wrapped(f"Same as: llmlb thresholds set {then.words(names)}", cells)
        ]

    def action_begin(self) -> None:
        self.begin()

    def chosen(self, name: str) -> None:
        self.begin()


def overtaken_text(change: SettingsChange, present: Settings) -> str:
    """Why a change can no longer be taken back; "" while it can."""
    names = change.overtaken(present)
    return f"somebody else set {present.words(names)} since; T changes it" if names else ""
