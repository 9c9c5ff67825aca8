"""The live view of a running load test on a terminal, drawn by a thread of its own.

A terminal that stands still (Ctrl-S, a slow link) blocks whoever writes to it. Drawing beside the event loop keeps
that out of the measurement.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from llmlb.loadtest.plan import Plan, describe
from llmlb.loadtest.report import figures
from llmlb.loadtest.tally import NodeCount, Progress, Quick

if TYPE_CHECKING:
    from rich.text import Text

NODES_SHOWN = 12
_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH = 40


class LiveView:
    """Shows the newest progress at most four times a second; ``close`` clears it away."""

    def __init__(self, plan: Plan, *, target: str) -> None:
        from rich.console import Console
        from rich.live import Live

        self._plan = plan
        self._target = target
        self._newest: Progress | None = None
        self._changed = threading.Event()
        self._closing = False
        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
        self._thread = threading.Thread(target=self._draw, name="loadtest-live", daemon=True)
        self._thread.start()

    def show(self, progress: Progress) -> None:
        """Hands over what to draw next; never waits."""
        self._newest = progress
        self._changed.set()

    def close(self) -> None:
        """Ends the drawing; a terminal that stands still is left behind after a second."""
        self._closing = True
        self._changed.set()
        self._thread.join(timeout=1)

    def _draw(self) -> None:
        try:
            with self._live:
                while not self._closing:
                    self._changed.wait()
                    self._changed.clear()
                    if self._newest is not None and not self._closing:
                        self._live.update(picture(self._newest, self._plan, self._target), refresh=True)
        except OSError:
            return  # the terminal is gone; the run goes on and its result is still wanted


def picture(progress: Progress, plan: Plan, target: str) -> Text:
    """The view as text; nothing a server said is read as markup."""
    from rich.text import Text

    return Text("\n".join(picture_lines(progress, plan, target)), no_wrap=True, overflow="ellipsis")


def picture_lines(progress: Progress, plan: Plan, target: str) -> list[str]:
    """The lines of the view, for 80 columns."""
    phase = f"  {progress.phase}" if progress.phase else ""
    lines = [
        f"loadtest  {target}  {describe(plan.load)}{phase}",
        f"{_gauge(progress)}  {_position(progress)}",
        f"{'':10}{'p50':>10}{'p90':>10}{'p99':>10}{'max':>10}   ok {progress.ok}  failed {progress.failed}",
        _times("ttft", progress.ttft_ms) + f"   in flight {progress.in_flight}",
        _times("e2e", progress.e2e_ms) + f"   retries {progress.retries}",
        f"{progress.ok_per_s:,.1f} ok/s   {progress.tokens_per_s:,.0f} tokens/s   lag p99 {progress.lag_ms:.1f} ms",
    ]
    if progress.ttft_bars:
        low, high = progress.ttft_bars[0][0], progress.ttft_bars[-1][1]
        lines.append(f"ttft  {_time(low)} {_spark([count for *_, count in progress.ttft_bars])} {_time(high)}")
    lines += _nodes(progress.nodes)
    if progress.reasons:
        lines.append("reasons  " + "  ".join(f"{reason} {count}" for reason, count in progress.reasons.items()))
    failures = [f"{ending} {count}" for ending, count in progress.endings.items() if ending.is_failure]
    if failures:
        lines.append("errors   " + "  ".join(failures))
    return [*lines, "Ctrl-C ends the run and keeps what it has"]


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


def _nodes(nodes: tuple[NodeCount, ...]) -> list[str]:
    if not nodes:
        return []
    total = sum(node.requests for node in nodes) or 1
    busiest = sorted(nodes, key=lambda node: -node.requests)[:NODES_SHOWN]
    shown = [node for node in nodes if node in busiest]
    lines = [f"{'NODE':<20}{'REQ':>6}  {'SHARE':<16}{'TTFT p50':>10}{'ERR':>6}"]
    for node in shown:
        bar = "█" * round(node.requests / total * 10)
        share = f"{bar:<10} {node.requests / total:>4.0%}"
        lines.append(
            f"{node.node[:19]:<20}{node.requests:>6}  {share:<16}{_time(node.ttft_ms.p50):>10}{node.failed:>6}"
        )
    if len(nodes) > len(shown):
        lines.append(f"... {len(nodes) - len(shown)} more nodes")
    return lines
