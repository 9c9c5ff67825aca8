"""Everything about one node: the panel beside the list on a wide terminal, and the node's own screen."""

from __future__ import annotations

from llmlb_tui.desk import Desk
from llmlb_tui.model.formats import ABSENT, age, count, degrees, duration_ms, percent, span
from llmlb_tui.model.history import History
from llmlb_tui.model.nodes import NodeRow
from llmlb_tui.model.reading import Fields, fields, number
from llmlb_tui.model.text import clean, cut
from llmlb_tui.render.columns import MOOD_ROLES, load_role
from llmlb_tui.render.events import event_line, rule_line
from llmlb_tui.render.head import alert_text
from llmlb_tui.render.line import EMPTY, Line, Role, Span, clipped, dim, line, strong, wrapped


def side_lines(desk: Desk, node_id: str, now_s: float, *, cells: int, lines: int) -> list[Line]:
    """The selected node, the alerts and the events, in exactly ``lines`` lines behind a rule."""
    inner = cells - 2
    content = [*_selected(desk, node_id, now_s, inner), EMPTY, *_alerts(desk, now_s, inner)]
    left = max(2, lines - len(content) - 1)
    content += [EMPTY, *_events(desk, inner, left)]
    column = dim(f"{desk.glyphs.column} ")
    filled = [*content, *[EMPTY] * lines][:lines]
    return [line(column, *clipped(each, inner).spans) for each in filled]


def _selected(desk: Desk, node_id: str, now_s: float, cells: int) -> list[Line]:
    node = desk.state.nodes.get(node_id)
    if node is None:
        return [line(dim("SELECTED  no node"))]
    return [_name_line(desk, node), *node_lines(desk, node, now_s, cells)]


def _name_line(desk: Desk, node: NodeRow) -> Line:
    sign = desk.glyphs.moods[node.mood]
    machine = f"  {node.machine}" if node.machine else ""
    return line(
        dim("SELECTED  "), strong(node.id), Span(f"  {sign} {node.mood.value}", MOOD_ROLES[node.mood]), dim(machine)
    )


def node_lines(desk: Desk, node: NodeRow, now_s: float, cells: int) -> list[Line]:
    """A node's figures, one kind a line."""
    glyphs = desk.glyphs
    history = desk.state.history(node.id) or History()
    now_unix_s = desk.state.router_now(now_s)
    spark = glyphs.spark
    limit = "" if node.max_concurrency is None else f"/{node.max_concurrency}"
    cards = f"{len(node.gpus)}x {node.gpus[0]}" if node.gpus else "no card named"
    rows = [
        _row("GPU", Span(f"{percent(node.gpu):<6}", load_role(node.gpu)), f"{spark(history.gpu(), 10)}  {cards}"),
        _row("VRAM", Span(f"{percent(node.vram):<6}", load_role(node.vram)), spark(history.vram(), 10)),
        _row("TEMP", Span(f"{degrees(node.temp, glyphs.degree):<6}"), ""),
        _row("HOST", Span(f"cpu {percent(node.cpu)}  memory {percent(node.memory)}"), ""),
        _row("AVG", Span(f"{duration_ms(node.avg_ms):<7}"), f"ttft {duration_ms(node.ttft_ms)}"),
        _row("REQ", Span(f"active {node.active:,}{limit}  total {node.total:,}"), _failures(node)),
        _row("BEAT", Span(f"{node.heartbeats:,} received, {node.timeouts:,} timeouts, "), _seen(node, now_unix_s)),
        _row("UP", Span(span(node.up_s(now_unix_s))), f"score {node.score:,}"),
        _row("WHY", _standing(node), ""),
        *_texts("MODEL", ", ".join(node.models) or "none named: it serves any model", cells),
        *_texts("TAGS", " ".join(node.tags) or ABSENT, cells),
        *_texts("URL", node.url, cells),
    ]
    if node.name:
        rows += _texts("NAME", node.name, cells)
    if node.note:
        rows += _texts("NOTE", node.note, cells)
    return rows


def _row(name: str, value: Span, rest: str) -> Line:
    return line(dim(f"{name:<7}"), value, Span(f"  {rest}") if rest else Span(""))


def _texts(name: str, text: str, cells: int) -> list[Line]:
    parts = wrapped(text, max(10, cells - 7), limit=4) or [ABSENT]
    return [line(dim(f"{name if not index else '':<7}"), Span(part)) for index, part in enumerate(parts)]


def _failures(node: NodeRow) -> str:
    share = 100.0 * (node.total - node.failed) / node.total if node.total else None
    return f" ok {ABSENT if share is None else f'{share:.1f}%'}  failed {node.failed:,}"


def _seen(node: NodeRow, now_unix_s: float) -> str:
    seen = age(node.seen_s(now_unix_s))
    return f"{seen} ago" + (" (late)" if node.late else "")


def _standing(node: NodeRow) -> Span:
    """Whether it gets work, and why not."""
    if node.mood.value == "Pending":
        return Span("waits for approval: it gets no requests", Role.WAITING)
    if node.mood.value == "Offline":
        return Span("not heard: it gets no requests", Role.TROUBLE)
    if node.draining:
        return Span("draining: it finishes what it has", Role.PAUSED)
    if node.circuit != "closed":
        return Span(f"circuit {node.circuit}: its last answers failed", Role.WARNING)
    if node.late:
        return Span("late: no new work until it is heard", Role.WARNING)
    if node.excluded_by:
        return Span(f"over the threshold of {', '.join(node.excluded_by)}: last resort", Role.WARNING)
    return Span("takes requests", Role.GOOD)


def _alerts(desk: Desk, now_s: float, cells: int) -> list[Line]:
    firing = desk.state.firing(now_s)
    now_unix_s = desk.state.router_now(now_s)
    acked = sum(bool(alert.acknowledged_by) for alert in firing)
    lines = [rule_line(desk, cells, title=f"alerts ({len(firing)} firing, {acked} acked)")]
    for alert in firing[:4]:
        mark = desk.glyphs.lost if alert.is_critical else "!"
        who = f"ack {alert.acknowledged_by}" if alert.acknowledged_by else "unacked"
        role = Role.TROUBLE if alert.needs_somebody(now_unix_s) else Role.DIM
        text = cut(alert_text(alert, now_unix_s), cells - len(who) - 5, ellipsis=desk.glyphs.ellipsis)
        lines.append(line(Span(f"{mark} ", role), Span(text), dim(f"  {who}")))
    return lines


def _events(desk: Desk, cells: int, lines: int) -> list[Line]:
    shown = [event_line(event, desk.glyphs, wide=False) for event in desk.state.events.last(max(0, lines - 1))]
    return [rule_line(desk, cells, title="events"), *shown][:lines]


def detail_lines(desk: Desk, node: NodeRow, detail: Fields, now_s: float, cells: int) -> list[Line]:
    """The node's own screen. detail: the answer of ``/v0/nodes/{id}``, empty until it came."""
    lines = [EMPTY, line(Span(" "), *_name_line(desk, node).spans[1:]), EMPTY]
    lines += [_indented(each) for each in node_lines(desk, node, now_s, cells - 2)]
    if detail:
        lines += [_indented(each) for each in _from_detail(detail, cells - 2)]
    lines += [EMPTY, rule_line(desk, cells, title="the last ten heartbeats")]
    lines += _history_lines(desk, detail)
    lines += [EMPTY, rule_line(desk, cells, title="events of this node")]
    events = desk.state.events.of_node(node.id, 50)
    lines += [event_line(event, desk.glyphs, wide=cells >= 100) for event in events]
    if not events:
        lines.append(line(dim(" none among those that this console knows")))
    return [clipped(each, cells) for each in lines]


def _indented(given: Line) -> Line:
    return line(Span(" "), *given.spans)


def _with_unit(figure: str, unit: str) -> str:
    return figure if figure == ABSENT else f"{figure} {unit}"


def _from_detail(detail: Fields, cells: int) -> list[Line]:
    circuit = fields(detail.get("circuit_detail"))
    selections = sorted(fields(detail.get("selections")).items(), key=lambda pair: str(pair[0]))
    reasons = "  ".join(f"{clean(name)} {count(int(number(times) or 0), 9)}" for name, times in selections)
    interval_s = number(detail.get("heartbeat_secs"))
    engine, agent = clean(detail.get("engine")) or "engine unknown", clean(detail.get("agent_version")) or ABSENT
    interval = ABSENT if interval_s is None else f"{interval_s:g} s"
    registered, approved = clean(detail.get("registered_at")) or ABSENT, clean(detail.get("approved_at")) or ABSENT
    rows = [
        ("AGENT", f"{engine}, agent {agent}, beats every {interval}"),
        ("QUEUE", _with_unit(_number(detail, "queue_depth"), "waiting in the engine")),
        ("CACHE", _with_unit(_number(detail, "kv_cache_usage"), "% of the kv cache")),
        ("CIRC", f"{clean(circuit.get('state')) or ABSENT}, failures in a row {_number(circuit, 'failures_in_row')}"
                 f", ejections {_number(circuit, 'ejections')}"),
        ("ERROR", clean(detail.get("last_error")) or "none"),
        ("CHOSEN", reasons or "never yet"),
        ("SINCE", f"registered {registered}, approved {approved}"),
    ]  # fmt: skip
    return [each for name, text in rows for each in _texts(name, text, cells)]


def _number(source: Fields, name: str) -> str:
    value = number(source.get(name))
    return ABSENT if value is None else f"{value:g}"


def _history_lines(desk: Desk, detail: Fields) -> list[Line]:
    rows = detail.get("history")
    points = [fields(row) for row in rows] if isinstance(rows, list) else []
    if not points:
        return [line(dim(" none yet"))]
    head = line(dim(f" {'AT':<22}{'GPU':>6}{'VRAM':>7}{'ACTIVE':>8}"))
    return [head, *(_point_line(desk, point) for point in points[-10:])]


def _point_line(desk: Desk, point: Fields) -> Line:
    gpu, vram = number(point.get("gpu_usage")), number(point.get("vram_usage"))
    at = clean(point.get("at"), 30).replace("T", " ")
    active = number(point.get("active_requests"))
    return line(
        dim(f" {at:<22}"),
        Span(f"{percent(gpu):>6}", load_role(gpu)),
        Span(f"{percent(vram):>7}", load_role(vram)),
        Span(f"{ABSENT if active is None else f'{active:.0f}':>8}  "),
        Span(desk.glyphs.bar(gpu, 20), load_role(gpu)),
    )
