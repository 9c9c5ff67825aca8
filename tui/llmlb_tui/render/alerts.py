"""Alerts as lines."""

from __future__ import annotations

from llmlb_tui.model.alerts import Alert
from llmlb_tui.model.formats import age, date_time
from llmlb_tui.model.text import fitted, middle_cut
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, strong, wrapped


def alert_head() -> Line:
    """The names of the columns."""
    return line(Span(f"   {'SEVERITY':<9}{'RULE':<20}{'ABOUT':<24}{'SINCE':>6}  {'STATE':<18}CAUSE", Role.HEADER))


def alert_line(alert: Alert, now_unix_s: float, glyphs: Glyphs, *, base: Role) -> Line:
    """One alert."""
    mark = glyphs.lost if alert.is_critical else "!"
    role = Role.TROUBLE if alert.needs_somebody(now_unix_s) else Role.DIM
    subject = middle_cut(alert.subject, 23, ellipsis=glyphs.ellipsis)
    return line(
        Span(f" {mark if alert.is_firing else glyphs.good} ", role if alert.is_firing else Role.GOOD),
        Span(f"{'critical' if alert.is_critical else 'warning':<9}", role),
        Span(fitted(alert.rule, 20, ellipsis=glyphs.ellipsis)),
        Span(fitted(subject, 24)),
        Span(f"{age(max(0.0, now_unix_s - alert.fired_at_unix_s)):>6}  "),
        Span(fitted(state_text(alert, now_unix_s), 18, ellipsis=glyphs.ellipsis), role),
        Span(alert.cause),
        base=base,
    )


def state_text(alert: Alert, now_unix_s: float) -> str:
    """What has become of it."""
    if not alert.is_firing:
        return f"over for {age(max(0.0, now_unix_s - (alert.resolved_at_unix_s or 0.0)))}"
    if alert.silenced_until_unix_s is not None and alert.is_silenced(now_unix_s):
        return f"silent for {age(alert.silenced_until_unix_s - now_unix_s)}"
    return f"ack {alert.acknowledged_by}" if alert.acknowledged_by else "unacked"


def alert_page(alert: Alert, now_unix_s: float, cells: int) -> list[Line]:
    """Everything about one alert."""
    rows = [
        ("rule", alert.rule),
        ("about", alert.subject),
        ("since", date_time(alert.fired_at_unix_s)),
        ("state", state_text(alert, now_unix_s)),
        ("cause", alert.cause),
        ("to do", alert.hint),
        ("id", alert.id),
    ]
    lines = [EMPTY, line(strong(f" {'critical' if alert.is_critical else 'warning'}")), EMPTY]
    for name, text in rows:
        for place, part in enumerate(wrapped(text, max(20, cells - 10)) or ["-"]):
            lines.append(line(dim(f" {name if not place else '':<8}"), Span(part)))
    return lines
