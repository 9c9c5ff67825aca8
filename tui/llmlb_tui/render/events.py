"""Events as lines: short ones under the list, long ones on their own screen."""

from __future__ import annotations

from llmlb_tui.desk import Desk
from llmlb_tui.model.events import Event
from llmlb_tui.model.formats import ABSENT, clock_time, date_time, day_name
from llmlb_tui.model.nodes import Mood
from llmlb_tui.model.text import fitted, middle_cut
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import EMPTY, Line, Role, Span, clipped, dim, key, line, wrapped

SIGN_ROLES = {
    "good": Role.GOOD,
    "waiting": Role.WAITING,
    "warning": Role.WARNING,
    "trouble": Role.TROUBLE,
    "paused": Role.PAUSED,
}


def sign(event: Event, glyphs: Glyphs) -> str:
    """One character that says how it is, without colour."""
    return {
        "good": glyphs.good,
        "waiting": glyphs.moods[Mood.PENDING],
        "warning": "!",
        "trouble": glyphs.moods[Mood.OFFLINE],
        "paused": glyphs.moods[Mood.DRAIN],
    }[event.tone.sign]


def event_line(event: Event, glyphs: Glyphs, *, wide: bool, base: Role = Role.TEXT) -> Line:
    """``12:04:29 ✕ gpu-f-0388 Offline: no heartbeat for 92 s``; of another day, its date."""
    role = SIGN_ROLES[event.tone.sign]
    cause = event.told
    actor = f" by {event.actor}" if event.actor else ""
    at = day_name(event.at_unix_s) if event.is_dated else clock_time(event.at_unix_s)
    head = [dim(f" {at} "), Span(f"{sign(event, glyphs)} ", role)]
    if not wide:
        words = f"{event.tone.word}{actor}" + (f": {cause}" if cause else "")
        return Line((*head, Span(f"{middle_cut(event.subject, 24, ellipsis=glyphs.ellipsis)} "), Span(words)), base)
    subject = fitted(middle_cut(event.subject, 20, ellipsis=glyphs.ellipsis), 20)
    tail = " ".join(filter(None, [cause, f"({actor.strip()})" if actor else ""]))
    return Line((*head, Span(f"{subject}  "), Span(fitted(event.tone.word, 11), role), Span(f" {tail}")), base)


def rule_line(desk: Desk, cells: int, *, title: str, right: Line = EMPTY) -> Line:
    """``─ events ── 2 unread ─────── E full feed ──``."""
    rule = desk.glyphs.rule
    left = line(dim(f"{rule} "), Span(title, Role.HEADER), dim(" "))
    end = line(*right.spans, dim(rule * 2)) if right.spans else EMPTY
    middle = max(0, cells - left.cells - end.cells)
    return clipped(line(*left.spans, dim(rule * middle), *end.spans), cells)


def events_under_list(desk: Desk, cells: int, lines: int, *, wide: bool) -> list[Line]:
    """The newest events, with their rule, in exactly ``lines`` lines."""
    if lines < 2:
        return []
    ring = desk.state.events
    unread = f"{ring.unread} unread " if ring.unread else ""
    rule = rule_line(desk, cells, title="events", right=line(dim(f" {unread}"), key("E"), dim(" full feed ")))
    shown = [clipped(event_line(event, desk.glyphs, wide=wide), cells) for event in ring.last(lines - 1)]
    if not shown:
        shown = [clipped(line(dim(" no event yet")), cells)]
    return [rule, *shown, *[EMPTY] * (lines - 1 - len(shown))]


def event_detail(event: Event, cells: int) -> list[Line]:
    """Everything about one event."""
    rows = [
        ("event", event.id or f"{event.number} of this console"),
        ("at", date_time(event.at_unix_s)),
        ("what", event.tone.word),
        ("about", event.subject),
        ("cause", event.told or "not given"),
        ("by", event.actor or "nobody: it happened by itself"),
        ("fix", event.tone.fix or "nothing to do"),
    ]
    return [
        line(dim(f" {name if not place else '':<7}"), Span(part))
        for name, text in rows
        for place, part in enumerate(wrapped(text, max(20, cells - 9)) or [ABSENT])
    ]
