"""What needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llmlb.errors import LlmlbError
from llmlb_tui.export import alert_fields
from llmlb_tui.model.actions import Place
from llmlb_tui.model.acts import Pinned, explain_refusal
from llmlb_tui.model.alerts import ACKNOWLEDGE, SILENCE, SPEAK, Alert, AlertAct
from llmlb_tui.model.listed import ALERTS, AlertSubject
from llmlb_tui.render.alerts import alert_head, alert_line, alert_page
from llmlb_tui.render.line import Line, Role, Span, both_ends, clipped, dim, line
from llmlb_tui.screens.filtered import FilteredScreen
from llmlb_tui.screens.marking import MarkingScreen
from llmlb_tui.screens.screen import bindings_of
from llmlb_tui.screens.text import TextScreen


class AlertScreen(FilteredScreen[AlertSubject], MarkingScreen):
    """Alerts that fire, unattended ones first; then the last that are over."""

    PLACE = Place.ALERTS
    BINDINGS: ClassVar = bindings_of(Place.ALERTS)
    EMPTY_TEXT = "no alert fires"
    TITLE_WORD = "ALERTS"

    def __init__(self) -> None:
        super().__init__(ALERTS)

    def on_mount(self) -> None:
        super().on_mount()
        self.console_app.spawn(self._fetch())

    async def _fetch(self) -> None:
        """The feed tells of changes only; the list also holds those that are over."""
        app = self.console_app
        if app.desk.playback is None and not app.desk.connection.why_not(app.now_s()):
            app.take_alerts(await app.client.alerts())
            self.sync()

    @property
    def _now_unix_s(self) -> float:
        app = self.console_app
        return app.desk.state.router_now(app.now_s())

    def names(self) -> Sequence[str]:
        state, now_unix_s = self.console_app.desk.state, self._now_unix_s
        self.selection.forget(state.alerts)
        listed = state.all_alerts(self.console_app.now_s())
        return [alert.id for alert in listed if self.admits(AlertSubject(alert, now_unix_s))]

    def head(self, cells: int) -> list[Line]:
        state, now_s = self.console_app.desk.state, self.console_app.now_s()
        needs = state.unattended(now_s)
        marked = len(self.selection.marks)
        right = line(
            Span(f"{marked} marked   " if marked else "", Role.MARK),
            Span(f"{len(state.firing(now_s))} firing", Role.TROUBLE if needs else Role.TEXT),
            Span(f"   {needs} need somebody   ", Role.TROUBLE if needs else Role.DIM),
            dim(f"{len(self.selection.ids):,} of {len(state.alerts):,} "),
        )
        return [both_ends(self.titled(), right, cells), alert_head(cells)]

    def row(self, name: str, cells: int, is_cursor: bool) -> Line | None:
        desk = self.console_app.desk
        alert = desk.state.alerts.get(name)
        if alert is None:
            return None
        base = Role.CURSOR if is_cursor else Role.TEXT
        is_marked = name in self.selection.marks
        return clipped(alert_line(alert, self._now_unix_s, desk.glyphs, cells, base=base, is_marked=is_marked), cells)

    def _chosen(self) -> Alert | None:
        return self.console_app.desk.state.alerts.get(self.selection.cursor)

    def do_open(self) -> None:
        alert = self._chosen()
        if alert is not None:
            self.console_app.push_screen(TextScreen(lambda cells: alert_page(alert, self._now_unix_s, cells)))

    def do_copy(self) -> None:
        alert = self._chosen()
        if alert is not None:
            row = f"{alert.rule} {alert.subject}: {alert.cause}"
            command = ["llmlb", "alerts", "list", "--all", "--filter", f"id:{alert.id}", "-o", "json"]
            self.console_app.offer_row(alert.id, row, alert_fields(alert), command)

    def do_export(self) -> None:
        alerts = self.console_app.desk.state.alerts
        self.console_app.offer_export(
            lambda: [alert_fields(alerts[name]) for name in self.selection.ids if name in alerts], "alerts"
        )

    def do_back(self) -> None:
        """The filter goes first, then the marks."""
        if self.selection.marks and not self.query_text:
            self.selection.clear()
        else:
            super().do_back()

    # Acts

    def do_acknowledge(self) -> None:
        self._act(ACKNOWLEDGE, self._targets())

    def do_silence(self) -> None:
        """All of them silent already: they may be heard again."""
        alerts, now_unix_s = self._targets(), self._now_unix_s
        are_silent = all(alert.is_silenced(now_unix_s) for alert in alerts if alert.is_firing)
        self._act(SPEAK if are_silent else SILENCE, alerts)

    def _targets(self) -> list[Alert]:
        alerts = map(self.console_app.desk.state.alerts.get, self.selection.targets())
        return [alert for alert in alerts if alert is not None]

    def _act(self, act: AlertAct, alerts: Sequence[Alert]) -> None:
        """One alert at once; several after a question."""
        app = self.console_app
        fitting = [alert for alert in alerts if act.about.fits(alert)]
        if not fitting:
            which = "marked" if self.selection.marks else "under the cursor"
            app.say(f"{act.about.action}: no alert that fires is {which}", trouble=True)
        elif len(fitting) == 1:
            app.spawn(self._act_on(act, fitting[0]))
        else:
            from llmlb_tui.dialogs.alerts import AlertDialog

            targets = [Pinned(alert.id) for alert in fitting]
            skipped = len(alerts) - len(fitting)
            app.push_screen(AlertDialog(act.about, targets, skipped, lambda one: self._send(act, one), self.selection))

    async def _act_on(self, act: AlertAct, alert: Alert) -> None:
        app = self.console_app
        try:
            await self._send(act, Pinned(alert.id))
        except LlmlbError as error:
            app.say(f"{act.about.action}: {explain_refusal(error)}", trouble=True)
        else:
            self.selection.clear()
            app.say(f"{alert.rule} {alert.subject}: {act.about.past}")

    async def _send(self, act: AlertAct, pinned: Pinned) -> None:
        app, seconds = self.console_app, act.silence_s
        ask = (
            app.client.ack_alert(pinned.id) if seconds is None else app.client.silence_alert(pinned.id, seconds=seconds)
        )
        app.desk.state.apply("alert", {"alert": await ask}, now_s=app.now_s())
