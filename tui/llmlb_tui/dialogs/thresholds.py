"""Change the thresholds: see at once whom that passes over, ask the router, then apply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding
from textual.widgets import Input

from llmlb.errors import LlmlbError
from llmlb_tui.dialogs.settings import SettingsDialog
from llmlb_tui.model.reading import names, rows
from llmlb_tui.model.settings import Limit, Settings, SettingsChange
from llmlb_tui.model.text import clean
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, strong, wrapped
from llmlb_tui.render.thresholds import dry_run_line, limit_line, preview_lines

DEFAULTS = Settings()
MAX_MODELS = 100_000
MODES = ("metrics", "round_robin", "adaptive")


class ThresholdDialog(SettingsDialog):
    """The editor. The settings it started from are pinned: if they change meanwhile, nothing is applied."""

    AUTO_FOCUS = ""
    CELLS = 80
    OVERTAKEN = "somebody else changed the settings meanwhile; nothing was applied. Esc, then T"
    DONE = "the thresholds are changed; U takes that back"
    BINDINGS: ClassVar = [
        Binding("up,k,shift+tab", "choose(-1)", show=False),
        Binding("down,j,tab", "choose(1)", show=False),
        Binding("left", "change(-1)", show=False),
        Binding("right", "change(1)", show=False),
        Binding("shift+left,minus", "change(-10)", show=False),
        Binding("shift+right,plus", "change(10)", show=False),
        Binding("m", "mode", show=False),
        Binding("r", "revert", show=False),
        Binding("D", "defaults", show=False),
        Binding("c", "check", show=False),
        Binding("enter,a", "apply", show=False),
    ]

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._base = settings
        self._then = settings
        self._limit = Limit.GPU
        self._entry = ""

    def heading(self) -> str:
        return f" Thresholds - {self.console_app.desk.identity.place} - mode {self._then.mode} "

    def lines(self, cells: int) -> list[Line]:
        desk = self.console_app.desk
        nodes = desk.state.nodes.values()
        found, took_ms = self.found()
        names = f"{'':20}{'now':>6}  {'new':^10}  {'the fleet':<14}{'max':>5}  over"
        lines = [line(Span(names, Role.HEADER))]
        for limit in Limit:
            entry = self._entry if limit is self._limit else ""
            is_chosen = limit is self._limit
            lines.append(
                limit_line(nodes, limit, self._base, self._then, found, entry=entry, is_chosen=is_chosen,
                           glyphs=desk.glyphs)
            )  # fmt: skip
        lines.append(EMPTY)
        lines += preview_lines(found, cells, desk.glyphs, limit=self._room(), took_ms=took_ms)
        if desk.state.settings != self._base:
            lines.append(line(Span("! the settings were changed by somebody else; Esc, then T", Role.TROUBLE)))
        if self._said is not None:
            lines.append(self._said)
        changed_mode = ["mode"] if self._then.mode != self._base.mode else []
        body = self._then.words([*Limit, *changed_mode])
        lines += [line(dim(part)) for part in wrapped(f"Same as: llmlb thresholds set {body}", cells)]
        lines.append(
            line(dim("Up/Down field  Left/Right -/+1  Shift x10  0-9 type  m mode  r revert  D defaults")),
        )
        lines.append(
            line(strong("c"), " check on the router   ", strong("Enter"), " apply   ", strong("Esc"), " cancel")
        )
        return lines

    def _room(self) -> int:
        return 8 if self.size.height >= 30 else 4

    def choices(self) -> Sequence[tuple[str, str]]:
        return (("cancel", "Cancel"), ("check", "Check on router"), ("apply", "Apply"))

    def change(self) -> SettingsChange:
        return SettingsChange(self._base, self._then)

    def undo_of(self, change: SettingsChange) -> SettingsChange:
        return change

    def obstacle(self) -> str:
        if self._then == self._base:
            return "nothing is changed yet"
        return self.OVERTAKEN if self.console_app.desk.state.settings != self._base else ""

    # Editing

    def action_choose(self, step: int) -> None:
        self._take_entry()
        limits = list(Limit)
        self._limit = limits[(limits.index(self._limit) + step) % len(limits)]
        self._moved()

    def action_change(self, step: int) -> None:
        self._take_entry()
        self._then = self._then.with_value(self._limit, self._then.value(self._limit) + step)
        self._moved()

    def action_mode(self) -> None:
        place = MODES.index(self._then.mode) if self._then.mode in MODES else -1
        self._then = self._then._replace(mode=MODES[(place + 1) % len(MODES)])
        self._moved()

    def action_revert(self) -> None:
        self._entry = ""
        self._then = self._base
        self._moved()

    def action_defaults(self) -> None:
        self._entry = ""
        self._then = DEFAULTS._replace(mode=self._then.mode)
        self._moved()

    def on_key(self, event: events.Key) -> None:
        if isinstance(self.focused, Input):
            return
        if event.character is not None and event.character in "0123456789." and len(self._entry) < 7:
            event.stop()
            self._entry += event.character
            self._show_entry()
        elif event.key == "backspace" and self._entry:
            event.stop()
            self._entry = self._entry[:-1]
            self._show_entry()

    def _show_entry(self) -> None:
        try:
            value = float(self._entry)
        except ValueError:
            self._moved()
            return
        self._then = self._then.with_value(self._limit, value)
        self._moved()

    def _take_entry(self) -> None:
        self._entry = ""

    def _moved(self) -> None:
        self._said = None
        self.sync()

    # Asking and applying

    def chosen(self, name: str) -> None:
        self.action_check() if name == "check" else self.action_apply()

    def action_check(self) -> None:
        if not self._is_working:
            self._is_working = True
            self.console_app.spawn(self._check())

    def action_apply(self) -> None:
        self._take_entry()
        self.begin()

    async def _check(self) -> None:
        changes = self._then.changes_from(self._base) or {"gpu_threshold": self._base.gpu}
        try:
            answer = await self.console_app.client.put_settings(changes, dry_run=True)
        except LlmlbError as error:
            self.failed(error)
        else:
            found, _ = self.found()
            router = [clean(row.get("id")) for row in rows(answer.get("excluded"))]
            self._said = dry_run_line(
                [verdict.node_id for verdict in found.excluded],
                router,
                bereft=found.bereft,
                router_bereft=names(answer.get("models_losing_last_node"), MAX_MODELS),
            )
        self._is_working = False
        self.sync()
