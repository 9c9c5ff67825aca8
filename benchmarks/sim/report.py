"""Results as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.sim.results import Verdict

HEADINGS = (
    "policy",
    "good",
    "TTFT p50",
    "p90",
    "p99",
    "TPOT p99",
    "refused",
    "cached",
    "95 % up to",
    "requests by class",
)


def verdicts(heading: str, rows: Sequence[tuple[str, Verdict, float | None]]) -> str:
    """A row for each title with its verdict and, where it was looked for, the highest load with 95 % good."""
    return grid(heading, [HEADINGS, *(_cells(*row) for row in rows)])


def grid(heading: str, cells: Sequence[Sequence[str]]) -> str:
    """A heading over columns; the first and the last are flush left, the others right."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    last = len(widths) - 1
    lines = [
        "  ".join(
            cell.ljust(width) if column in (0, last) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([heading, "", *lines, ""])


def _cells(title: str, verdict: Verdict, load: float | None) -> tuple[str, ...]:
    shares = verdict.shares
    spread = "  ".join(f"{kind} {share:.0%}" for kind, share in shares.items())
    return (
        title,
        f"{verdict.good:.1%}",
        seconds(verdict.ttft_p50_s),
        seconds(verdict.ttft_p90_s),
        seconds(verdict.ttft_p99_s),
        "-" if math.isnan(verdict.tpot_p99_s) else f"{1000 * verdict.tpot_p99_s:.0f} ms",
        f"{verdict.refused + verdict.failed:.1%}",
        f"{verdict.cached:.1%}",
        "-" if load is None else f"{load:.2f}",
        spread if len(shares) > 1 else f"evenness (Jain) {verdict.jain:.3f}",
    )


def seconds(value_s: float) -> str:
    """Two figures after the point below 10 s, none from 100 s on."""
    if math.isnan(value_s):
        return "-"
    digits = 2 if value_s < 10 else 1 if value_s < 100 else 0
    return f"{value_s:.{digits}f} s"
