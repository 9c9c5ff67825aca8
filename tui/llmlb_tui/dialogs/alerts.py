"""Take care of several alerts at once, or keep them quiet."""

from __future__ import annotations

from llmlb_tui.dialogs.act import ActDialog
from llmlb_tui.model.alerts import Alert
from llmlb_tui.render.line import Role, Span


class AlertDialog(ActDialog[Alert]):
    """Each alert with what it is about."""

    NOUN = "alert"

    def present(self, id: str) -> Alert | None:
        return self.console_app.desk.state.alerts.get(id)

    def sign(self, target: Alert) -> Span:
        glyphs = self.console_app.desk.glyphs
        if not target.is_firing:
            return Span(glyphs.good, Role.GOOD)
        return Span(glyphs.lost if target.is_critical else "!", Role.TROUBLE if target.is_critical else Role.WARNING)

    def facts(self, target: Alert) -> str:
        return f"{target.rule}  {target.subject}  {target.cause}"
