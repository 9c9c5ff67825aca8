"""The top of every screen: which router, how well it is heard, who is looking; and the fleet in a few figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmlb_tui.desk import Desk
from llmlb_tui.model.alerts import Alert
from llmlb_tui.model.connection import Connection, Standing
from llmlb_tui.model.formats import ABSENT, age, clock_time, date_time, degrees, duration_ms, percent, rate
from llmlb_tui.model.sorting import Order, Ordered
from llmlb_tui.model.text import cut
from llmlb_tui.render.columns import WidthClass, width_class
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import Line, Role, Span, both_ends, dim, key, line, strong

if TYPE_CHECKING:
    from llmlb_tui.model.playback import Playback

SKEW_SHOWN_S = 2.0


def title_line(desk: Desk, now_s: float, cells: int) -> Line:
    """The first line of every screen."""
    identity, glyphs = desk.identity, desk.glyphs
    is_danger = identity.must_type_name
    usual = Role.DANGER_TITLE if is_danger else Role.STRONG
    place = Span(identity.place, Role(f"title-{identity.color}") if identity.color else usual)
    wide = cells >= WidthClass.USUAL
    gap = f" {glyphs.dot} " if wide else "  "
    left = [Span(" llmlb top", Role.TITLE), Span(gap), place]
    if is_danger:
        left += [Span(" PROD ", Role.DANGER_TITLE)]
    if wide and identity.context:
        left += [dim(f"{gap}{identity.url}")]
    if cells >= WidthClass.WIDE and desk.state.version:
        left += [dim(f"{gap}v{desk.state.version}")]
    return both_ends(line(*left), line(*_right_end(desk, now_s, cells)), cells)


def _right_end(desk: Desk, now_s: float, cells: int) -> list[Span]:
    identity, glyphs, state = desk.identity, desk.glyphs, desk.state
    pieces = [*_standing_spans(desk, now_s, cells), Span("   ")]
    if desk.is_recording:
        pieces += [Span("REC", Role.WAITING), Span("   ")]
    skew_s = state.skew_s
    if skew_s is not None and abs(skew_s) > SKEW_SHOWN_S:
        pieces.append(Span(f"clock {skew_s:+.0f}s   ", Role.WARNING))
    if identity.user and (desk.playback is None or cells >= WidthClass.USUAL):
        between = " " if cells >= WidthClass.USUAL else ""
        role = f"{between}({identity.role})" if identity.role else ""
        pieces.append(Span(f"{cut(identity.user, 16, ellipsis=glyphs.ellipsis)}{role}   "))
    if not desk.may_change:
        pieces.append(Span("read-only   ", Role.WARNING))
    elif cells >= WidthClass.USUAL:
        pieces.append(dim("read-write   "))
    if desk.playback is None:
        now_unix_s = state.router_now(now_s)
        pieces.append(Span(date_time(now_unix_s) if cells >= WidthClass.WIDE else f"{clock_time(now_unix_s)}Z"))
        pieces.append(Span(" "))
    return pieces


def _standing_spans(desk: Desk, now_s: float, cells: int) -> list[Span]:
    """How well the router is heard; of a replay, where it stands, and how well the router was heard then."""
    playback = desk.playback
    if playback is None:
        return [standing_span(desk, now_s)]
    spans = [Span(_replay_text(desk, playback, now_s, cells), Role.PAUSED)]
    standing = desk.standing(now_s)
    if standing is not Standing.LIVE:
        sign = standing_span(desk, now_s).text.partition(standing.value)[0]
        spans += [Span("  "), Span(f"{sign}{standing.value}", _STANDING_ROLES[standing])]
    return spans


def _replay_text(desk: Desk, playback: Playback, now_s: float, cells: int) -> str:
    """``REPLAY 11:58:20Z x4 32%``; the date too where there is room for it."""
    now_unix_s = desk.state.router_now(now_s)
    when = date_time(now_unix_s) if cells >= WidthClass.USUAL else f"{clock_time(now_unix_s)}Z"
    if playback.is_seeking:
        pace = "seeking"
    elif playback.has_ended:
        pace = "end" if playback.is_whole else "cut off here"
    else:
        pace = "paused" if playback.is_paused else f"x{playback.speed:g}"
    return f"REPLAY {when} {pace} {playback.percent:.0f}%"


_STANDING_ROLES = {
    Standing.CONNECTING: Role.WAITING,
    Standing.LIVE: Role.GOOD,
    Standing.SLOW: Role.WAITING,
    Standing.STALE: Role.WARNING,
    Standing.UNREACHABLE: Role.TROUBLE,
    Standing.EXPIRED: Role.TROUBLE,
    Standing.FORBIDDEN: Role.TROUBLE,
    Standing.PAUSED: Role.PAUSED,
}


def standing_span(desk: Desk, now_s: float) -> Span:
    """``● LIVE``, ``✕ UNREACHABLE 14s  retry 3 in 4s``, and ``retry 3 under way`` until that try has ended."""
    standing = desk.standing(now_s)
    return Span(_standing_text(standing, desk.connection, desk.glyphs, now_s), _STANDING_ROLES[standing])


def _standing_text(standing: Standing, connection: Connection, glyphs: Glyphs, now_s: float) -> str:
    old = connection.age_s(now_s) or 0.0
    match standing:
        case Standing.CONNECTING:
            return f"{glyphs.slow} CONNECTING"
        case Standing.LIVE:
            return f"{glyphs.live} LIVE" + (" polling" if connection.polls else "")
        case Standing.SLOW:
            return f"{glyphs.slow} SLOW {old:.1f}s"
        case Standing.STALE:
            return f"{glyphs.stale} STALE {old:.0f}s"
        case Standing.UNREACHABLE:
            left_s = connection.retry_in_s(now_s)
            retry = f"retry {connection.attempt} " + (f"in {left_s:.0f}s" if left_s > 0 else "under way")
            return f"{glyphs.lost} UNREACHABLE {age(connection.away_s(now_s))}  {retry}"
        case Standing.EXPIRED:
            return "! SESSION EXPIRED"
        case Standing.FORBIDDEN:
            return "! FORBIDDEN"
        case Standing.PAUSED:
            held = f" {old:.0f}s" if old >= 1 else ""
            return f"{glyphs.paused} PAUSED{held}"


def fleet_head(desk: Desk, now_s: float, cells: int) -> list[Line]:
    """The lines between the title and the filter."""
    drawn_for = width_class(cells)
    if drawn_for is WidthClass.NARROW:
        lines = [_counts(desk, short=cells < 90), _load_narrow(desk)]
    else:
        blank = [] if drawn_for is WidthClass.WIDE else [line("")]
        lines = [*blank, _counts(desk, short=False, wide=drawn_for is WidthClass.WIDE), _load(desk, drawn_for)]
        lines += [_gpu(desk, drawn_for)]
    banner = banner_line(desk, now_s)
    if banner is not None:
        lines.append(banner)
    elif drawn_for is WidthClass.USUAL:
        lines.append(_alert_line(desk, now_s))
    return lines


def banner_line(desk: Desk, now_s: float) -> Line | None:
    """What is wrong with the data below, if something is."""
    connection = desk.connection
    standing = desk.standing(now_s)
    match standing:
        case Standing.UNREACHABLE if connection.heard_at_s is None:
            text = f"{connection.cause}. Nothing was heard yet; it is tried again for ever. r now, o other context"
        case Standing.UNREACHABLE:
            old = age(connection.age_s(now_s))
            text = f"{connection.cause}. Data below is {old} old; actions are disabled. r retries now, o other context"
        case Standing.STALE:
            text = f"nothing heard for {age(connection.age_s(now_s))}; data below is old and actions are disabled"
        case Standing.EXPIRED:
            text = "the session has expired; data below is old. r logs in again"
        case Standing.FORBIDDEN:
            text = f"{connection.cause}. r logs in as somebody else, o other context"
        case _ if desk.state.traffic.mass_silence:
            text = "MASS SILENCE: most nodes fell silent at once; suspect the router's own network"
        case _ if desk.state.traffic.status == "draining":
            text = "this router is shutting down: it takes no new requests"
        case _:
            return None
    role = Role.WAITING if standing is Standing.CONNECTING else Role.TROUBLE
    return line(Span(f" {text}", role))


def _counts(desk: Desk, *, short: bool, wide: bool = False) -> Line:
    totals, glyphs = desk.state.totals, desk.glyphs
    moods = glyphs.moods
    gap = "  " if short or wide else "   "
    nodes = [strong(f" {totals.nodes:,} nodes")] if short else [dim(" NODES "), strong(f"{totals.nodes:,}")]
    by_word = {mood.value: mood for mood in moods}
    pieces = [
        *nodes,
        Span(f"{gap}{moods[by_word['Online']]} {totals.online:,} Online", Role.GOOD if totals.online else Role.DIM),
        Span(f"{gap}{moods[by_word['Pending']]} {totals.pending:,} Pending", _if(totals.pending, Role.WAITING)),
        Span(f"{gap}{moods[by_word['Offline']]} {totals.offline:,} Offline", _if(totals.offline, Role.TROUBLE)),
        Span(
            f"{gap}{moods[by_word['Drain']]} {totals.draining:,} {'drain' if short else 'draining'}",
            _if(totals.draining, Role.PAUSED),
        ),
        Span(
            f"{gap}! {totals.excluded:,} excluded" + ("" if short or wide else " by thresholds"),
            _if(totals.excluded, Role.WARNING),
        ),
    ]
    if wide:
        pieces += [
            dim("      MODELS "),
            Span(f"{desk.state.capacity.models}"),
            dim("   MODE "),
            Span(desk.state.settings.mode),
        ]
    return line(*pieces)


def _if(amount: int, role: Role) -> Role:
    return role if amount else Role.DIM


def _load_narrow(desk: Desk) -> Line:
    traffic, totals, glyphs = desk.state.traffic, desk.state.totals, desk.glyphs
    in_flight = desk.state.memory.in_flight()
    return line(
        strong(f" {rate(traffic.requests_per_s)}"),
        Span(f" req/s  act {totals.active:,}  queue "),
        Span(f"{traffic.queued}", Role.WARNING if traffic.queued else Role.TEXT),
        Span(f"  avg {duration_ms(traffic.mean_ms)}  p95 {duration_ms(traffic.p95_ms)}  err "),
        _errors(traffic.error_percent),
        Span(f"  GPU {percent(totals.gpu_mean)} "),
        Span(glyphs.packed(in_flight, 5, top=_most(in_flight)), Role.LOAD_MIDDLE),
    )


def _errors(error_percent: float | None) -> Span:
    if error_percent is None:
        return dim(ABSENT)
    return Span(f"{error_percent:.1f}%", Role.TROUBLE if error_percent >= 5 else Role.TEXT)


def _load(desk: Desk, drawn_for: WidthClass) -> Line:
    traffic, totals, memory = desk.state.traffic, desk.state.totals, desk.state.memory

    def trend(points: Sequence[float | None]) -> Span:
        text = f" {desk.glyphs.spark(points, 10, top=_most(points))}" if drawn_for is WidthClass.WIDE else ""
        return Span(text, Role.LOAD_MIDDLE)

    return line(
        dim(" LOAD  "),
        strong(rate(traffic.requests_per_s)),
        Span(" req/s"),
        trend(memory.requests()),
        Span(f"  active {totals.active:,}"),
        trend(memory.in_flight()),
        Span("  queued "),
        Span(f"{traffic.queued}", Role.WARNING if traffic.queued else Role.TEXT),
        trend(memory.queued()),
        Span(f"   avg {duration_ms(traffic.mean_ms)}"),
        trend(memory.mean()),
        Span(f"  p95 {duration_ms(traffic.p95_ms)}"),
        trend(memory.p95()),
        Span(f"  ttft {duration_ms(traffic.ttft_ms)}   errors "),
        _errors(traffic.error_percent),
        Span(f"   tok/s {rate(traffic.tokens_per_s)}"),
    )


def _most(points: Sequence[float | None]) -> float:
    return max([*(point for point in points if point is not None), 1.0])


def _gpu(desk: Desk, drawn_for: WidthClass) -> Line:
    totals, glyphs = desk.state.totals, desk.glyphs
    pieces = [dim(" GPU   "), Span(f"avg {percent(totals.gpu_mean)}"), dim(f"  p95 {percent(totals.gpu_p95)}")]
    pieces += [Span(f"   VRAM avg {percent(totals.vram_mean)}"), dim(f"  p95 {percent(totals.vram_p95)}")]
    if drawn_for is WidthClass.WIDE:
        pieces += [Span(f"   TEMP avg {degrees(totals.temp_mean, glyphs.degree)}")]
    if totals.hottest is not None:
        temp, node_id = totals.hottest
        pieces += [Span(f"   hottest {degrees(temp, glyphs.degree)} "), Span(node_id)]
    if drawn_for is WidthClass.WIDE and (slots := desk.state.capacity.slots) is not None:
        pieces += [dim(f"   headroom {max(0, slots - totals.active):,} slots of {slots:,}")]
    return line(*pieces)


def _alert_line(desk: Desk, now_s: float) -> Line:
    firing = desk.state.firing(now_s)
    now_unix_s = desk.state.router_now(now_s)
    if not firing:
        return line(dim(" ALERT none"))
    texts = [alert_text(alert, now_unix_s) for alert in firing[:2]]
    more = f" +{len(firing) - 2}" if len(firing) > 2 else ""
    needs = desk.state.unattended(now_s)
    return line(
        dim(" ALERT "),
        Span(f"{len(firing)} firing: ", Role.TROUBLE if needs else Role.TEXT),
        Span(cut(f" {desk.glyphs.dot} ".join(texts), 78, ellipsis=desk.glyphs.ellipsis) + more),
        Span("   "),
        key("A"),
        dim(" list"),
    )


def alert_text(alert: Alert, now_unix_s: float) -> str:
    """``node_offline gpu-f-0388 (92s)``."""
    return f"{alert.rule} {alert.subject} ({age(max(0.0, now_unix_s - alert.fired_at_unix_s))})"


def filter_line(desk: Desk, cells: int, *, shown: int, first: int, last: int) -> Line:
    """``/ (no filter)        sort ATTN▼ GPU▼     412 of 412   1-15``. first, last: the rows on the screen."""
    text = desk.view.filter.text
    left = [key(" / "), Span(text, Role.WARNING) if text else dim("(no filter)")]
    if desk.selection.marks:
        left.append(Span(f"   {len(desk.selection.marks)} marked", Role.MARK))
    if desk.selection.anchor is not None:
        left.append(Span("   range", Role.MARK))
    if not desk.selection.follows:
        left.append(dim("   cursor stays at its place"))
    total = len(desk.state.nodes)
    rows = f"{first}-{last}" if shown else "0"
    right = line(
        dim("sort "),
        Span(order_label(desk.view.order, desk.glyphs)),
        Span(f"     {shown:,} of {total:,}   " + ("rows " if cells >= WidthClass.USUAL else "")),
        Span(f"{rows} "),
    )
    return both_ends(line(*left), right, cells)


def order_label(order: Order, glyphs: Glyphs) -> str:
    """``ATTN▼ GPU▼``. By need counts as falling: what needs a person most comes first."""
    return " ".join(each.key.label + (glyphs.down if _is_falling(each) else glyphs.up) for each in order)


def _is_falling(each: Ordered) -> bool:
    return not each.is_reversed if each.key.name == "attn" else each.falls
