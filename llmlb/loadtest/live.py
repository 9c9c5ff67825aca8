"""The live view of a running load test. Pure: looks and verdicts in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmlb.loadtest.frames import Opening
from llmlb.loadtest.report import figures
from llmlb.loadtest.tally import Part, Progress, Quick
from llmlb.loadtest.verdicts import Verdict, shown

if TYPE_CHECKING:
    from rich.text import Text

PARTS_SHOWN = 12
_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH = 40


def picture(progress: Progress, opening: Opening, verdicts: Sequence[Verdict]) -> Text:
    """The view as text, its gates green or red; nothing a server said is read as markup."""
    from rich.text import Text

    text = Text("\n".join(picture_lines(progress, opening)), no_wrap=True, overflow="ellipsis")
    for verdict in verdicts:
        text.append("\n" + gate_line(verdict), style=_style(verdict))
    return text.append("\nCtrl-C ends the run and keeps what it has")


def gate_line(verdict: Verdict) -> str:
    """``gate ok    p90_ttft>500ms   312 ms``; a gate that too few requests have reached is neither."""
    if verdict.measured is None:
        return f"gate  ?    {verdict.gate.text}   {verdict.note}"
    measured = shown(verdict.measured, verdict.gate.unit)
    return f"gate {'ok  ' if verdict.passed else 'FAIL'}  {verdict.gate.text}   {measured}"


def _style(verdict: Verdict) -> str:
    if verdict.measured is None:
        return "dim"
    return "green" if verdict.passed else "bold red"


def picture_lines(progress: Progress, opening: Opening) -> list[str]:
    """The lines above the gates, for 80 columns."""
    phase = f"  {progress.phase}" if progress.phase else ""
    lines = [
        f"loadtest  {opening.target}  {opening.load}{phase}",
        f"{_gauge(progress)}  {_position(progress)}",
        f"{'':10}{'p50':>10}{'p90':>10}{'p99':>10}{'max':>10}   ok {progress.ok}  failed {progress.failed}",
        _times("ttft", progress.ttft_ms) + f"   in flight {progress.in_flight}",
        _times("e2e", progress.e2e_ms) + f"   retries {progress.retries}",
        f"{progress.ok_per_s:,.1f} ok/s   {progress.tokens_per_s:,.0f} tokens/s   lag p99 {progress.lag_ms:.1f} ms",
    ]
    if progress.ttft_bars:
        low, high = progress.ttft_bars[0][0], progress.ttft_bars[-1][1]
        lines.append(f"ttft  {_time(low)} {_spark([count for *_, count in progress.ttft_bars])} {_time(high)}")
    lines += _parts("NODE", progress.nodes)
    lines += _parts("TENANT", progress.tenants)
    if progress.reasons:
        lines.append("reasons  " + "  ".join(f"{reason} {count}" for reason, count in progress.reasons.items()))
    failures = [f"{ending} {count}" for ending, count in progress.endings.items() if ending.is_failure]
    if failures:
        lines.append("errors   " + "  ".join(failures))
    return lines


def progress_line(progress: Progress) -> str:
    """One line for a log, where there is no terminal."""
    failed = f", {progress.failed} failed" if progress.failed else ""
    phase = f"{progress.phase}: " if progress.phase else ""
    return (
        f"{phase}{_position(progress)}, {progress.in_flight} in flight{failed}, "
        f"ttft p50 {_time(progress.ttft_ms.p50)}, {progress.tokens_per_s:,.0f} tokens/s"
    )


def _position(progress: Progress) -> str:
    done = f"{progress.done}/{progress.planned}" if progress.planned else f"{progress.done} done"
    limit = f" of {progress.planned_s:.0f} s" if progress.planned_s else ""
    return f"{done}, {progress.elapsed_s:.0f} s{limit}"


def _gauge(progress: Progress) -> str:
    if progress.planned:
        share = progress.done / progress.planned
    elif progress.planned_s:
        share = progress.elapsed_s / progress.planned_s
    else:
        return "·" * _WIDTH
    full = round(min(1.0, share) * _WIDTH)
    return "█" * full + "░" * (_WIDTH - full)


def _times(name: str, quick: Quick) -> str:
    cells = "".join(f"{_time(value):>10}" for value in (quick.p50, quick.p90, quick.p99, quick.maximum))
    return f"{name:<10}{cells}"


def _time(value_ms: float | None) -> str:
    return figures.time(None if value_ms is None else value_ms / 1000)


def _spark(counts: list[int]) -> str:
    most = max(counts) or 1
    return "".join(_BLOCKS[-(-count * (len(_BLOCKS) - 1) // most)] for count in counts)


def _parts(title: str, parts: tuple[Part, ...]) -> list[str]:
    """One row per node or tenant, the busiest where there are many."""
    if not parts:
        return []
    total = sum(part.requests for part in parts) or 1
    busiest = sorted(parts, key=lambda part: -part.requests)[:PARTS_SHOWN]
    shown_parts = [part for part in parts if part in busiest]
    lines = [f"{title:<20}{'REQ':>6}  {'SHARE':<16}{'TTFT p50':>10}{'ERR':>6}"]
    for part in shown_parts:
        bar = "█" * round(part.requests / total * 10)
        share = f"{bar:<10} {part.requests / total:>4.0%}"
        lines.append(
            f"{part.name[:19]:<20}{part.requests:>6}  {share:<16}{_time(part.ttft_ms.p50):>10}{part.failed:>6}"
        )
    if len(parts) > len(shown_parts):
        lines.append(f"... {len(parts) - len(shown_parts)} more {title.lower()}s")
    return lines
