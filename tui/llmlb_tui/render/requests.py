"""Requests as lines, one of them in full, and why the next one would go where it goes."""

from __future__ import annotations

from collections.abc import Sequence

from llmlb_tui.model.formats import ABSENT, clock_time, count, duration_ms
from llmlb_tui.model.reading import Fields, fields, instant, names, number, rows
from llmlb_tui.model.text import clean, fitted, middle_cut
from llmlb_tui.render.columns import WidthClass
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, strong, wrapped

OUTCOME_ROLES = {
    "answered": Role.GOOD,
    "failed": Role.TROUBLE,
    "refused": Role.WARNING,
    "cancelled": Role.DIM,
}


def _name_cells(cells: int) -> tuple[int, int]:
    """Of the columns MODEL and NODE. On a narrow terminal they are short, so that the reason is seen."""
    return (22, 18) if cells >= WidthClass.USUAL else (14, 12)


def request_head(cells: int) -> Line:
    """The names of the columns."""
    model, node = _name_cells(cells)
    queue = f"{'QUEUE':>7}" if cells >= WidthClass.USUAL else ""
    named = f" {'TIME':<9}{'ST':>4} {'MODEL':<{model}}{'NODE':<{node}}"
    return line(Span(f"{named}{'TOTAL':>7}{'TTFT':>7}{queue}{'TOKENS':>8} {'TRY':>3}  WHY", Role.HEADER))


def request_line(request: Fields, glyphs: Glyphs, cells: int, *, base: Role) -> Line:
    """One request."""
    is_wide = cells >= WidthClass.USUAL
    model_cells, node_cells = _name_cells(cells)

    def named(name: str, cells: int) -> str:
        text = middle_cut(clean(request.get(name)) or ABSENT, cells - 1, ellipsis=glyphs.ellipsis)
        return fitted(text, cells)

    outcome = clean(request.get("outcome"))
    role = OUTCOME_ROLES.get(outcome, Role.TEXT)
    status = number(request.get("status"))
    tokens = number(request.get("completion_tokens"))
    tries = _tries(request)
    estimated = "~" if request.get("estimated") is True and tokens is not None else ""
    why = clean(request.get("error")) or clean(request.get("reason"))
    return line(
        dim(f" {clock_time(instant(request.get('at')))} "),
        Span(f"{ABSENT if not status else f'{status:.0f}':>4} ", role),
        Span(named("model", model_cells)),
        Span(named("node_id", node_cells)),
        Span(f"{duration_ms(number(request.get('total_ms'))):>7}"),
        Span(f"{duration_ms(number(request.get('ttft_ms'))):>7}"),
        Span(f"{duration_ms(number(request.get('queue_ms'))):>7}" if is_wide else ""),
        Span(f"{estimated + (ABSENT if tokens is None else count(int(tokens), 6)):>8}"),
        Span(f" {tries:>3}", Role.WARNING if tries > 1 else Role.TEXT),
        Span(f"  {outcome} ", role) if is_wide else Span("  "),
        dim(why) if is_wide else Span(why or outcome, role),
        base=base,
    )


def _tries(request: Fields) -> int:
    """How many nodes were tried. The router's list may hold only those that failed."""
    attempts = rows(request.get("attempts"))
    has_success = any(not clean(attempt.get("cause")) for attempt in attempts)
    return len(attempts) + int(not has_success and clean(request.get("outcome")) == "answered")


_PAGE = (
    ("id", "id"), ("client", "client_request_id"), ("at", "at"), ("endpoint", "endpoint"), ("model", "model"),
    ("key", "key_name"), ("from", "address"), ("status", "status"), ("outcome", "outcome"),
    ("phase", "cancelled_phase"), ("reason", "reason"), ("error", "error"), ("queue ms", "queue_ms"),
    ("place", "queue_position"), ("ttft ms", "ttft_ms"), ("total ms", "total_ms"), ("overhead", "overhead_ms"),
    ("tokens in", "prompt_tokens"), ("out", "completion_tokens"), ("events", "events"), ("bytes in", "bytes_in"),
    ("bytes out", "bytes_out"),
)  # fmt: skip


def request_page(request: Fields, cells: int) -> list[Line]:
    """Everything about one request, and each of its tries. Never its content."""
    lines = [EMPTY, line(strong(f" request {clean(request.get('id'))}")), EMPTY]
    for label, name in _PAGE:
        if name in request:
            lines += _labelled(label, _plain(request[name]), cells)
    lines += [
        EMPTY,
        line(Span(f" {'TRY':<4}{'NODE':<24}{'WHY THERE':<22}{'STATUS':>7}{'TOOK':>8}  FAILED BECAUSE", Role.HEADER)),
    ]
    for place, attempt in enumerate(rows(request.get("attempts")), 1):
        lines.append(_attempt_line(place, attempt))
    return lines


def _attempt_line(place: int, attempt: Fields) -> Line:
    cause = clean(attempt.get("cause"))
    seconds, status = number(attempt.get("seconds")), number(attempt.get("status"))
    return line(
        Span(f" {place:<4}"),
        Span(fitted(clean(attempt.get("node_id")) or ABSENT, 24)),
        Span(fitted(clean(attempt.get("reason")), 22)),
        Span(f"{ABSENT if not status else f'{status:.0f}':>7}"),
        Span(f"{duration_ms(None if seconds is None else seconds * 1000):>8}  "),
        Span(cause or "it did not", Role.TROUBLE if cause else Role.GOOD),
    )


def explanation_lines(answer: Fields, cells: int, glyphs: Glyphs) -> list[Line]:
    """The answer of ``/v0/explain``: which node, why, and how each of the others stands."""
    choice = fields(answer.get("choice"))
    chosen = clean(choice.get("node"))
    verdict = (
        Span(f"{chosen} ({clean(choice.get('reason'))})", Role.GOOD)
        if chosen
        else Span(clean(answer.get("refusal")) or "nowhere", Role.TROUBLE)
    )
    resolved = clean(answer.get("resolved"))
    alias = f"   (an alias of {resolved})" if resolved and resolved != clean(answer.get("model")) else ""
    lines = [
        EMPTY,
        line(dim(" the next request for "), strong(clean(answer.get("model"))), dim(f"{alias} would go to "), verdict),
        line(dim(f" mode {clean(answer.get('mode'))}; asking reserves nothing")),
        EMPTY,
        line(Span(f"   {'NODE':<24}{'ACTIVE':>8}{'SCORE':>8}{'GPU':>6}{'VRAM':>6}  STANDING", Role.HEADER)),
    ]
    nodes = sorted(rows(answer.get("nodes")), key=lambda node: _standing_rank(node, chosen))
    lines += [_explained(node, chosen, glyphs) for node in nodes]
    return lines


def _standing_rank(node: Fields, chosen: str) -> tuple[bool, bool, bool, float]:
    return (
        clean(node.get("id")) != chosen,
        node.get("eligible") is not True,
        bool(names(node.get("excluded_by"))),
        number(node.get("active_requests")) or 0.0,
    )


def _explained(node: Fields, chosen: str, glyphs: Glyphs) -> Line:
    node_id = clean(node.get("id"))
    over = names(node.get("excluded_by"))
    if node.get("eligible") is not True:
        standing = Span(f"passed over: {clean(node.get('ineligible_because')).replace('_', ' ')}", Role.DIM)
    elif over:
        standing = Span(f"last resort: over {', '.join(over)}", Role.WARNING)
    else:
        standing = Span("eligible", Role.GOOD)
    mark = glyphs.cursor if node_id == chosen else " "
    limit = number(node.get("max_concurrency"))
    active = f"{number(node.get('active_requests')) or 0:.0f}" + (f"/{limit:.0f}" if limit else "")
    gpu, vram = number(node.get("gpu_usage")), number(node.get("vram_usage"))
    return line(
        Span(f" {mark} ", Role.MARK),
        Span(fitted(middle_cut(node_id, 23, ellipsis=glyphs.ellipsis), 24)),
        Span(f"{active:>8}{number(node.get('capability_score')) or 0:>8.0f}"),
        Span(f"{ABSENT if gpu is None else f'{gpu:.0f}%':>6}{ABSENT if vram is None else f'{vram:.0f}%':>6}  "),
        standing,
    )


def _labelled(label: str, text: str, cells: int) -> list[Line]:
    parts: Sequence[str] = wrapped(text, max(20, cells - 13)) or [ABSENT]
    return [line(dim(f" {label if not place else '':<11}"), Span(part)) for place, part in enumerate(parts)]


def _plain(value: object) -> str:
    if value is None or value == "":
        return ABSENT
    return clean(value) if isinstance(value, str) else f"{value}"
