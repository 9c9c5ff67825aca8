"""Requests as lines, one of them in full, and why the next one would go where it goes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llmlb_tui.model.formats import ABSENT, clock_time, count, duration_ms
from llmlb_tui.model.reading import Fields, fields, instant, names, number, rows
from llmlb_tui.model.text import clean, fitted, middle_cut
from llmlb_tui.render.columns import WidthClass
from llmlb_tui.render.costs import cost_lines, seconds, terms_lines
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.left_out import because, left_out_lines
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
    """How many nodes were tried."""
    return len(rows(request.get("attempts"))) + int(_last_try(request) is not None)


def _last_try(request: Fields) -> Fields | None:
    """The try that its record's list lacks, which holds those that failed; None where the last one is among them."""
    node_id, outcome = clean(request.get("node_id")), clean(request.get("outcome"))
    attempts = rows(request.get("attempts"))
    is_listed = outcome != "answered" and bool(attempts) and clean(attempts[-1].get("node_id")) == node_id
    if not node_id or is_listed:
        return None
    total_ms = number(request.get("total_ms"))
    before_ms = (number(request.get("queue_ms")) or 0.0) + sum(
        1000 * (number(attempt.get("seconds")) or 0.0) for attempt in attempts
    )
    return {
        "node_id": node_id,
        "reason": request.get("reason"),
        "status": request.get("status"),
        "seconds": None if total_ms is None else max(0.0, total_ms - before_ms) / 1000,
        "cause": "" if outcome == "answered" else clean(request.get("error")) or outcome,
    }


_PAGE = (
    ("id", "id"), ("client", "client_request_id"), ("at", "at"), ("endpoint", "endpoint"), ("model", "model"),
    ("node", "node_id"), ("key", "key_name"), ("from", "address"), ("status", "status"), ("outcome", "outcome"),
    ("phase", "cancelled_phase"), ("reason", "reason"), ("eligible", "eligible"), ("error", "error"),
    ("queue ms", "queue_ms"), ("place", "queue_position"), ("ttft ms", "ttft_ms"), ("total ms", "total_ms"),
    ("overhead", "overhead_ms"), ("tokens in", "prompt_tokens"), ("out", "completion_tokens"), ("events", "events"),
    ("bytes in", "bytes_in"), ("bytes out", "bytes_out"),
)  # fmt: skip


def request_page(request: Fields, cells: int, glyphs: Glyphs) -> list[Line]:
    """All about one request but its content: each of its tries, what candidates would have cost, and who was none."""
    lines = [EMPTY, line(strong(f" request {clean(request.get('id'))}")), EMPTY]
    for label, name in _PAGE:
        if name in request:
            lines += _labelled(label, _plain(request[name]), cells)
    lines += [
        EMPTY,
        line(Span(f" {'TRY':<4}{'NODE':<24}{'WHY THERE':<22}{'STATUS':>7}{'TOOK':>8}  FAILED BECAUSE", Role.HEADER)),
    ]
    last = _last_try(request)
    tries = [*rows(request.get("attempts")), *([] if last is None else [last])]
    lines += [_attempt_line(place, attempt) for place, attempt in enumerate(tries, 1)]
    if not tries:
        lines.append(line(dim(" it went to no node")))
    return [*lines, *cost_lines(request, cells, glyphs), *left_out_lines(request, glyphs)]


def _attempt_line(place: int, attempt: Fields) -> Line:
    cause = clean(attempt.get("cause"))
    status = number(attempt.get("status"))
    return line(
        Span(f" {place:<4}"),
        Span(fitted(clean(attempt.get("node_id")) or ABSENT, 24)),
        Span(fitted(clean(attempt.get("reason")), 22)),
        Span(f"{ABSENT if not status else f'{status:.0f}':>7}"),
        Span(f"{seconds(attempt.get('seconds')):>8}  "),
        Span(cause or "it did not", Role.TROUBLE if cause else Role.GOOD),
    )


def explanation_lines(answer: Fields, cells: int, glyphs: Glyphs, *, about: str = "") -> list[Line]:
    """The answer of ``/v0/explain``: which node, why, what it costs, and how each of the others stands.

    about: the node that was asked about; it stands first.
    """
    choice = fields(answer.get("choice"))
    chosen = clean(choice.get("node"))
    verdict = (
        Span(f"{chosen} ({clean(choice.get('reason'))})", Role.GOOD)
        if chosen
        else Span(clean(answer.get("refusal")) or "nowhere", Role.TROUBLE)
    )
    resolved = clean(answer.get("resolved"))
    alias = f"   (an alias of {resolved})" if resolved and resolved != clean(answer.get("model")) else ""
    nodes = sorted(rows(answer.get("nodes")), key=lambda node: _standing_rank(node, about, chosen))
    is_priced = any(number(node.get("cost_seconds")) is not None for node in nodes)
    cost = f"{'COST':>8}" if is_priced else ""
    lines = [
        EMPTY,
        line(
            dim(" the next request for "),
            strong(clean(answer.get("model"))),
            dim(f"{alias} would go to "),
            verdict,
            dim(_chances(answer, choice)),
        ),
        line(dim(f" mode {clean(answer.get('mode'))}; asking reserves nothing")),
        EMPTY,
        line(Span(f"   {'NODE':<24}{cost}{'ACTIVE':>8}{'SCORE':>8}{'GPU':>6}{'VRAM':>6}  STANDING", Role.HEADER)),
    ]
    if about and about not in {clean(node.get("id")) for node in nodes}:
        lines.append(line(Span(f"   {about} is not among the nodes that the router looked at", Role.WARNING)))
    for node in nodes:
        lines.append(_explained(node, about, chosen, glyphs, is_priced=is_priced))
        lines += terms_lines(node.get("cost_terms"), 5, cells)
    return lines


def _chances(answer: Fields, choice: Fields) -> str:
    """``, with 80% chance, else to gpu-2; 3 wait before it``."""
    other, chance = clean(fields(answer.get("otherwise")).get("node")), number(choice.get("chance"))
    likely = f", with {100 * chance:.0f}% chance, else to {other}" if other and chance is not None else ""
    queued = number(answer.get("queued"))
    return f"{likely}; {queued:.0f} wait before it" if queued else likely


def _standing_rank(node: Fields, about: str, chosen: str) -> tuple[bool, bool, bool, bool, float, float]:
    node_id, cost_s = clean(node.get("id")), number(node.get("cost_seconds"))
    return (
        not about or node_id != about,
        node_id != chosen,
        node.get("eligible") is not True,
        bool(names(node.get("excluded_by"))),
        math.inf if cost_s is None else cost_s,
        number(node.get("active_requests")) or 0.0,
    )


def _explained(node: Fields, about: str, chosen: str, glyphs: Glyphs, *, is_priced: bool) -> Line:
    node_id = clean(node.get("id"))
    mark = glyphs.cursor if node_id == chosen else " "
    limit = number(node.get("max_concurrency"))
    active = f"{number(node.get('active_requests')) or 0:.0f}" + (f"/{limit:.0f}" if limit else "")
    gpu, vram = number(node.get("gpu_usage")), number(node.get("vram_usage"))
    name = fitted(middle_cut(node_id, 23, ellipsis=glyphs.ellipsis), 24)
    return line(
        Span(f" {mark} ", Role.MARK),
        strong(name) if about and node_id == about else Span(name),
        Span(f"{seconds(node.get('cost_seconds')):>8}" if is_priced else ""),
        Span(f"{active:>8}{number(node.get('capability_score')) or 0:>8.0f}"),
        Span(f"{ABSENT if gpu is None else f'{gpu:.0f}%':>6}{ABSENT if vram is None else f'{vram:.0f}%':>6}  "),
        _standing(node, "chosen" if node_id == chosen else "eligible"),
    )


def _standing(node: Fields, eligible: str) -> Span:
    """eligible: the word for one that nothing speaks against."""
    if node.get("eligible") is not True:
        return Span(f"passed over: {because(node.get('ineligible_because'))}", Role.DIM)
    part = number(node.get("share"))
    share = f", {100 * part:.0f}% share while it comes back" if part is not None and 0 <= part < 1 else ""
    over = names(node.get("excluded_by"))
    if over:
        return Span(f"last resort: over {', '.join(over)}{share}", Role.WARNING)
    return Span(f"{eligible}{share}", Role.WARNING if share else Role.GOOD)


def _labelled(label: str, text: str, cells: int) -> list[Line]:
    parts: Sequence[str] = wrapped(text, max(20, cells - 13)) or [ABSENT]
    return [line(dim(f" {label if not place else '':<11}"), Span(part)) for place, part in enumerate(parts)]


def _plain(value: object) -> str:
    if value is None or value == "":
        return ABSENT
    return clean(value) if isinstance(value, str) else f"{value}"
