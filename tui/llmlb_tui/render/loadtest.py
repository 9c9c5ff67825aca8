"""A load test as lines, while it runs and when it is over."""

from __future__ import annotations

from shlex import join

from llmlb_tui.model.formats import ABSENT, duration_ms, rate
from llmlb_tui.model.loadtest import Compared, GateState, LoadTest, NodeShare, Quick, Stage
from llmlb_tui.model.text import fitted, middle_cut
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import EMPTY, Line, Role, Span, clipped, dim, key, line, strong, wrapped

NARROW_CELLS = 100
GAUGE_CELLS, NARROW_GAUGE_CELLS = 40, 24
SPARK_CELLS, NARROW_SPARK_CELLS = 20, 12
HONEST_LAG_MS = 20.0


def loadtest_lines(test: LoadTest, glyphs: Glyphs, cells: int, *, router: str) -> list[Line]:
    """The whole screen."""
    lines = [EMPTY, _title(test, router)]
    if test.stage is Stage.NONE:
        lines += [EMPTY, *_invitation(test)]
    else:
        lines += [
            _gauge(test, glyphs, cells),
            EMPTY,
            *_figures(test, glyphs, cells),
            EMPTY,
            *_nodes(test, glyphs),
            *_why(test),
            *_gates(test, glyphs),
            *_comparison(test),
        ]
        lines += _ending(test, cells)
    return [clipped(each, cells) for each in lines]


def command_of(test: LoadTest) -> str:
    """The command that runs the same test."""
    return join(["llmlb", "loadtest", *test.wanted.arguments()])


def _title(test: LoadTest, router: str) -> Line:
    role = {Stage.DONE: Role.GOOD, Stage.FAILED: Role.TROUBLE, Stage.RUNNING: Role.GOOD}.get(test.stage, Role.WAITING)
    model = test.wanted.model or "the only or first model"
    return line(
        Span("  loadtest  ", Role.HEADER),
        strong(model),
        Span(f"  {test.stage.value}  ", role),
        dim(f"{router}  {test.load}"),
    )


def _invitation(test: LoadTest) -> list[Line]:
    return [
        line("  Sends chats through the router, as its clients do, from a process of its own."),
        line(dim(f"  Same as: {command_of(test)}")),
        EMPTY,
        line("  ", key("Enter"), " start    ", key("e"), " edit    ", key("Esc"), " back"),
    ]


def _gauge(test: LoadTest, glyphs: Glyphs, cells: int) -> Line:
    whole = GAUGE_CELLS if cells >= NARROW_CELLS else NARROW_GAUGE_CELLS
    full = round(test.share_done * whole)
    amount = f"{test.done}/{test.planned}" if test.planned else f"{test.done} done"
    limit = f" of {test.planned_s:.0f} s" if test.planned_s else ""
    lag = test.lag_ms or 0.0
    honest = ("generator ok", Role.GOOD) if lag <= HONEST_LAG_MS else (f"generator late by {lag:.0f} ms", Role.WARNING)
    return line(
        Span(f"  {glyphs.full * full}{glyphs.empty * (whole - full)}", Role.LOAD_MIDDLE),
        Span(f"  {amount}   {test.elapsed_s:.0f} s{limit}   in flight {test.in_flight}   "),
        Span(honest[0], honest[1]),
    )


def _figures(test: LoadTest, glyphs: Glyphs, cells: int) -> list[Line]:
    spark = SPARK_CELLS if cells >= NARROW_CELLS else NARROW_SPARK_CELLS
    names = f"  {'':10}{'p50':>9}{'p90':>9}{'p99':>9}{'max':>9}   | ended"
    endings = [f"{name:<20}{amount:>7}" for name, amount in sorted(test.endings.items(), key=lambda pair: -pair[1])]
    rows = [_times("total", test.e2e), _times("ttft", test.ttft), f"{'':46}"]
    lines = [line(Span(names, Role.HEADER))]
    for place in range(max(len(rows), min(len(endings), 6))):
        left = rows[place] if place < len(rows) else f"{'':46}"
        ending = endings[place] if place < len(endings) else ""
        bad = bool(ending) and not ending.startswith("ok")
        lines.append(line(Span(f"  {left:<46}"), dim("   | "), Span(ending, Role.TROUBLE if bad else Role.TEXT)))
    ok, tokens = list(test.ok_per_s), list(test.tokens_per_s)
    lines.append(
        line(
            Span(f"  ok/s {rate(ok[-1] if ok else None):>7} "),
            Span(glyphs.spark(ok, spark, top=_top(ok)), Role.LOAD_MIDDLE),
            Span(f"   tok/s {rate(tokens[-1] if tokens else None):>7} "),
            Span(glyphs.spark(tokens, spark, top=_top(tokens)), Role.LOAD_MIDDLE),
            Span(f"   retries {test.retries}", Role.WARNING if test.retries else Role.DIM),
        )
    )
    if test.bars:
        counts: list[float | None] = [float(amount) for *_, amount in test.bars]
        low, high = test.bars[0][0], test.bars[-1][1]
        bars = glyphs.spark(counts, len(counts), top=_top(counts))
        lines.append(
            line(Span(f"  ttft {duration_ms(low):>7} "), Span(bars, Role.LOAD_HIGH), Span(f" {duration_ms(high)}"))
        )
    return lines


def _top(points: list[float | None]) -> float:
    return max([*(point for point in points if point is not None), 0.001]) * 1.0001


def _times(name: str, quick: Quick) -> str:
    return f"{name:<10}" + "".join(f"{duration_ms(value):>9}" for value in quick)


def _nodes(test: LoadTest, glyphs: Glyphs) -> list[Line]:
    if not test.nodes:
        return []
    total = sum(node.requests for node in test.nodes) or 1
    lines = [line(Span(f"  {'NODE':<24}{'REQ':>7}  {'SHARE':<16}{'TTFT p50':>10}{'ERR':>6}", Role.HEADER))]
    shown = sorted(test.nodes, key=lambda node: -node.requests)[:12]
    lines += [_node_line(node, total, glyphs) for node in shown]
    if len(test.nodes) > len(shown):
        lines.append(line(dim(f"  and {len(test.nodes) - len(shown)} more nodes")))
    mean = total / len(test.nodes)
    lines.append(line(dim(f"  skew {max(node.requests for node in test.nodes) / mean:.2f} (most / mean)")))
    return lines


def _node_line(node: NodeShare, total: int, glyphs: Glyphs) -> Line:
    share = node.requests / total
    name = fitted(middle_cut(node.node_id, 23, ellipsis=glyphs.ellipsis), 24)
    return line(
        Span(f"  {name}{node.requests:>7}  "),
        Span(glyphs.bar(share, 10, top=1.0), Role.LOAD_MIDDLE),
        Span(f" {share:>4.0%} {duration_ms(node.ttft.p50):>10}"),
        Span(f"{node.failed:>6}", Role.TROUBLE if node.failed else Role.DIM),
    )


def _why(test: LoadTest) -> list[Line]:
    if not test.reasons:
        return []
    ranked = sorted(test.reasons.items(), key=lambda pair: -pair[1])
    return [EMPTY, line(dim("  chosen for  "), Span("  ".join(f"{name} {amount}" for name, amount in ranked)))]


def _gates(test: LoadTest, glyphs: Glyphs) -> list[Line]:
    return (
        [EMPTY, *(_gate_line(gate, glyphs, is_over=not test.is_running) for gate in test.gates)] if test.gates else []
    )


def _gate_line(gate: GateState, glyphs: Glyphs, *, is_over: bool) -> Line:
    """``✓ gate p90_ttft>500ms  312ms``: a gate names what fails the run. While it goes on that is how it stands."""
    if gate.passed is None:
        return line(dim(f"  ? gate {gate.text}  {gate.note or 'not judged yet'}"))
    mark, role = (glyphs.good, Role.GOOD) if gate.passed else (glyphs.lost, Role.TROUBLE)
    so_far = dim("" if is_over else "  so far")
    return line(Span(f"  {mark} ", role), Span(f"gate {gate.text}"), Span(f"  {_measured(gate)}", role), so_far)


def _measured(gate: GateState) -> str:
    if not gate.passed or gate.measured is None:
        return gate.note or ABSENT
    match gate.unit:
        case "s":
            return duration_ms(gate.measured * 1000)
        case "share":
            return f"{gate.measured:.2%}"
        case _:
            return f"{gate.measured:.4g}"


def _comparison(test: LoadTest) -> list[Line]:
    """Each figure before and now."""
    found = test.comparison
    if found is None:
        return []
    title = f"COMPARED WITH {middle_cut(found.baseline, 18, ellipsis='...')}"
    lines = [EMPTY, line(Span(f"  {fitted(title, 34)}{'BEFORE':>9}{'NOW':>9}{'CHANGE':>9}", Role.HEADER))]
    lines += [_compared_line(row, duration_ms(row.before), duration_ms(row.after)) for row in found.times]
    if not found.times:
        lines.append(line(dim("  too few requests for any percentile; 50 or more tell")))
    before, after = (ABSENT if share is None else f"{share:.2%}" for share in found.errors[1:3])
    lines.append(_compared_line(found.errors, before, after))
    if found.unlike:
        lines.append(line(Span(f"  not alike: {', '.join(found.unlike)}", Role.WARNING)))
    return lines


def _compared_line(row: Compared, before: str, after: str) -> Line:
    change = "" if row.change is None else f"{row.change:+.0%}"
    role = {"worse": Role.TROUBLE, "better": Role.GOOD}.get(row.verdict, Role.DIM)
    return line(Span(f"  {fitted(row.name, 34)}{before:>9}{after:>9}{change:>9}  "), Span(row.verdict, role))


def _ending(test: LoadTest, cells: int) -> list[Line]:
    lines: list[Line] = []
    if test.stage is Stage.DONE:
        role = Role.GOOD if test.exit_code == 0 else Role.TROUBLE
        lines = [EMPTY, *(line(Span(f"  {part}", role)) for part in wrapped(test.verdict or ABSENT, cells - 4))]
        lines.append(line(dim("  w saves the result for a later comparison, Enter starts it again")))
    if test.stage is Stage.FAILED:
        lines = [EMPTY, line(Span(f"  it ended with {test.exit_code} and no result", Role.TROUBLE))]
    return lines + [line(dim(f"  {part}")) for said in test.said for part in wrapped(said, cells - 4, limit=3)]
