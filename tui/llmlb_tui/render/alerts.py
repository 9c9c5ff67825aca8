"""Alerts as lines."""

from __future__ import annotations

from typing import NamedTuple

from llmlb_tui.model.alerts import Alert
from llmlb_tui.model.formats import age, date_time
from llmlb_tui.model.text import fitted, middle_cut
from llmlb_tui.render.columns import WidthClass
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, strong, wrapped


class _Widths(NamedTuple):
    """Cells of each column; on a narrow terminal the sign alone tells the severity, so that the cause is seen."""

    severity: int
    rule: int
    about: int
    state: int


_NARROW = _Widths(0, 15, 16, 13)
_USUAL = _Widths(9, 20, 24, 18)


def _widths(cells: int) -> _Widths:
    return _USUAL if cells >= WidthClass.USUAL else _NARROW


def alert_head(cells: int) -> Line:
    """The names of the columns."""
    severity, rule, about, state = _widths(cells)
    named = f"   {'SEVERITY'[:severity]:<{severity}}{'RULE':<{rule}}{'ABOUT':<{about}}"
    return line(Span(f"{named}{'SINCE':>6}  {'STATE':<{state}}CAUSE", Role.HEADER))


def alert_line(
    alert: Alert, now_unix_s: float, glyphs: Glyphs, cells: int, *, base: Role, is_marked: bool = False
) -> Line:
    """One alert."""
    widths = _widths(cells)
    mark = glyphs.lost if alert.is_critical else "!"
    role = Role.TROUBLE if alert.needs_somebody(now_unix_s) else Role.DIM
    subject = middle_cut(alert.subject, widths.about - 1, ellipsis=glyphs.ellipsis)
    return line(
        Span(glyphs.marked if is_marked else " ", Role.MARK),
        Span(f"{mark if alert.is_firing else glyphs.good} ", role if alert.is_firing else Role.GOOD),
        Span(f"{alert.severity[: widths.severity]:<{widths.severity}}", role),
        Span(fitted(alert.rule, widths.rule - 1, ellipsis=glyphs.ellipsis) + " "),
        Span(fitted(subject, widths.about)),
        Span(f"{age(max(0.0, now_unix_s - alert.fired_at_unix_s)):>6}  "),
        Span(fitted(state_text(alert, now_unix_s), widths.state - 1, ellipsis=glyphs.ellipsis) + " ", role),
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
    lines = [EMPTY, line(strong(f" {alert.severity}")), EMPTY]
    for name, text in rows:
        for place, part in enumerate(wrapped(text, max(20, cells - 10)) or ["-"]):
            lines.append(line(dim(f" {name if not place else '':<8}"), Span(part)))
    return lines
