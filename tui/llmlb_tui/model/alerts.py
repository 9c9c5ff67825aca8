"""What needs a person, as the router says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llmlb_tui.model.acts import Act
from llmlb_tui.model.reading import fields, instant, number
from llmlb_tui.model.text import clean


class Alert(NamedTuple):
    """One alert. resolved_at_unix_s: None while it fires."""

    id: str
    rule: str
    is_critical: bool
    subject: str
    node_id: str
    cause: str
    hint: str
    fired_at_unix_s: float
    resolved_at_unix_s: float | None
    acknowledged_by: str
    silenced_by: str
    silenced_until_unix_s: float | None

    @property
    def is_firing(self) -> bool:
        return self.resolved_at_unix_s is None

    @property
    def severity(self) -> str:
        return "critical" if self.is_critical else "warning"

    def is_silenced(self, now_unix_s: float) -> bool:
        return self.silenced_until_unix_s is not None and now_unix_s < self.silenced_until_unix_s

    def needs_somebody(self, now_unix_s: float) -> bool:
        """It fires, nobody takes care of it and nobody has silenced it."""
        return self.is_firing and not self.acknowledged_by and not self.is_silenced(now_unix_s)

    def state(self, now_unix_s: float) -> str:
        """One word for what has become of it."""
        if not self.is_firing:
            return "over"
        if self.is_silenced(now_unix_s):
            return "silenced"
        return "acked" if self.acknowledged_by else "firing"


def read_alert(value: object) -> Alert | None:
    """An alert of ``/v0/alerts`` or of the feed; None for what has no id."""
    alert = fields(value)
    alert_id = clean(alert.get("id"), 200)
    if not alert_id:
        return None
    return Alert(
        id=alert_id,
        rule=clean(alert.get("rule"), 100),
        is_critical=alert.get("severity") == "critical",
        subject=clean(alert.get("subject")),
        node_id=clean(alert.get("node_id")),
        cause=clean(alert.get("cause")),
        hint=clean(alert.get("hint")),
        fired_at_unix_s=instant(alert.get("fired_at_unix_s")) or 0.0,
        resolved_at_unix_s=number(alert.get("resolved_at_unix_s")),
        acknowledged_by=clean(alert.get("acknowledged_by")).removeprefix("user:"),
        silenced_by=clean(alert.get("silenced_by")).removeprefix("user:"),
        silenced_until_unix_s=number(alert.get("silenced_until_unix_s")),
    )


def ranked(alerts: list[Alert], now_unix_s: float) -> list[Alert]:
    """Firing ones first, unattended before attended, critical before warning, then the oldest; over ones last."""
    return sorted(
        alerts,
        key=lambda alert: (
            not alert.is_firing,
            not alert.needs_somebody(now_unix_s),
            not alert.is_critical,
            alert.fired_at_unix_s if alert.is_firing else -alert.fired_at_unix_s,
        ),
    )


class AlertAct(NamedTuple):
    """What is done to alerts. silence_s: how long they are kept quiet; 0 ends it, None where somebody takes care."""

    about: Act[Alert]
    silence_s: int | None


def _until_gone(alerts: Sequence[Alert]) -> str:
    return f"You take care of them. They stay until their cause is gone: {_causes(alerts)}."


def _causes(alerts: Sequence[Alert]) -> str:
    rules = sorted({alert.rule for alert in alerts})
    return ", ".join(rules[:6]) + (f" and {len(rules) - 6} more" if len(rules) > 6 else "")


ACKNOWLEDGE = AlertAct(
    Act("acknowledge", "Acknowledge", "acknowledged", lambda alert: alert.is_firing, "over", _until_gone), None
)
SILENCE = AlertAct(
    Act(
        "silence",
        "Silence",
        "silenced for an hour",
        lambda alert: alert.is_firing,
        "over",
        lambda alerts: f"Quiet for an hour, also when they fire again meanwhile: {_causes(alerts)}.",
    ),
    3600,
)
SPEAK = AlertAct(
    Act(
        "silence",
        "End the silence of",
        "heard again",
        lambda alert: alert.is_firing,
        "over",
        lambda alerts: f"They are heard again: {_causes(alerts)}.",
        cli="llmlb alerts silence {ids} --for 0",
    ),
    0,
)
