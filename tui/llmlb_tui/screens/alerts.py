"""What needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llmlb.errors import LlmlbError
from llmlb_tui.export import alert_fields
from llmlb_tui.model.actions import Place
from llmlb_tui.model.acts import explain_refusal
from llmlb_tui.model.alerts import Alert
from llmlb_tui.render.alerts import alert_head, alert_line, alert_page
from llmlb_tui.render.line import Line, Role, Span, both_ends, clipped, dim, line
from llmlb_tui.screens.listing import ListScreen
from llmlb_tui.screens.screen import bindings_of
from llmlb_tui.screens.text import TextScreen

SILENCE_S = 3600


class AlertScreen(ListScreen):
    """Alerts that fire, unattended ones first; then the last that are over."""

    PLACE = Place.ALERTS
    BINDINGS: ClassVar = bindings_of(Place.ALERTS)
    EMPTY_TEXT = "no alert fires"

    def on_mount(self) -> None:
        super().on_mount()
        self.console_app.spawn(self._fetch())

    async def _fetch(self) -> None:
        """The feed tells of changes only; the list also holds those that are over."""
        app = self.console_app
        if not app.desk.connection.why_not(app.now_s()):
            app.desk.state.set_alerts(await app.client.alerts())
            self.sync()

    def names(self) -> Sequence[str]:
        app = self.console_app
        return [alert.id for alert in app.desk.state.all_alerts(app.now_s())]

    def head(self, cells: int) -> list[Line]:
        app = self.console_app
        firing = app.desk.state.firing(app.now_s())
        needs = app.desk.state.unattended(app.now_s())
        left = line(
            Span(" ALERTS   ", Role.HEADER),
            Span(f"{len(firing)} firing", Role.TROUBLE if needs else Role.TEXT),
            Span(f"   {needs} need somebody", Role.TROUBLE if needs else Role.DIM),
        )
        return [both_ends(left, line(dim("oldest first ")), cells), alert_head(cells)]

    def row(self, name: str, cells: int, is_cursor: bool) -> Line | None:
        app = self.console_app
        alert = app.desk.state.alerts.get(name)
        if alert is None:
            return None
        base = Role.CURSOR if is_cursor else Role.TEXT
        now_unix_s = app.desk.state.router_now(app.now_s())
        return clipped(alert_line(alert, now_unix_s, app.desk.glyphs, cells, base=base), cells)

    def _chosen(self) -> Alert | None:
        return self.console_app.desk.state.alerts.get(self.selection.cursor)

    def do_open(self) -> None:
        app, alert = self.console_app, self._chosen()
        if alert is not None:
            app.push_screen(TextScreen(lambda cells: alert_page(alert, app.desk.state.router_now(app.now_s()), cells)))

    def do_copy(self) -> None:
        alert = self._chosen()
        if alert is not None:
            row = f"{alert.rule} {alert.subject}: {alert.cause}"
            command = ["llmlb", "alerts", "list", "--all", "--filter", f"id:{alert.id}", "-o", "json"]
            self.console_app.offer_row(alert.id, row, alert_fields(alert), command)

    def do_acknowledge(self) -> None:
        alert = self._chosen()
        if alert is None or not alert.is_firing:
            self.console_app.say("ack: no alert that fires is under the cursor", trouble=True)
            return
        self.console_app.spawn(self._acknowledge(alert))

    def do_silence(self) -> None:
        alert = self._chosen()
        if alert is None or not alert.is_firing:
            self.console_app.say("silence: no alert that fires is under the cursor", trouble=True)
            return
        self.console_app.spawn(self._silence(alert))

    async def _acknowledge(self, alert: Alert) -> None:
        app = self.console_app
        try:
            app.desk.state.apply("alert", {"alert": await app.client.ack_alert(alert.id)}, now_s=app.now_s())
        except LlmlbError as error:
            app.say(f"ack: {explain_refusal(error)}", trouble=True)
        else:
            app.say(f"you take care of {alert.rule} {alert.subject}")

    async def _silence(self, alert: Alert) -> None:
        app = self.console_app
        seconds = 0 if alert.is_silenced(app.desk.state.router_now(app.now_s())) else SILENCE_S
        try:
            answer = await app.client.silence_alert(alert.id, seconds=seconds)
            app.desk.state.apply("alert", {"alert": answer}, now_s=app.now_s())
        except LlmlbError as error:
            app.say(f"silence: {explain_refusal(error)}", trouble=True)
        else:
            app.say(f"{alert.rule} {alert.subject} {'is quiet for an hour' if seconds else 'is heard again'}")
