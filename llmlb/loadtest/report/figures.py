"""How figures are written for people: a unit that fits, a ``~`` where the sample is small, a dash for none."""

from __future__ import annotations

import math

from llmlb.loadtest.percentiles import Sample, carries, hints_at

NONE = "–"


def time(seconds: float | None) -> str:
    """``0.41 ms``, ``41 ms``, ``4.10 s``; negative differences too."""
    if seconds is None:
        return NONE
    if math.isinf(seconds):
        return "inf"
    size_ms = abs(seconds) * 1000
    if round(size_ms, 2) < 10:
        return f"{seconds * 1000:.2f} ms"
    return f"{seconds * 1000:.0f} ms" if round(size_ms) < 1000 else f"{seconds:.2f} s"


def percentile(sample: Sample, q: float) -> str:
    """The percentile in seconds as text; ``~`` marks one that rests on few values, a dash one that would lie."""
    count = len(sample)
    if not count or not hints_at(count, q):
        return NONE
    return ("" if carries(count, q) else "~") + time(sample.percentile(q))


def maximum(sample: Sample) -> str:
    return time(sample.maximum) if len(sample) else NONE


def percent(part: float | None, *, digits: int = 0) -> str:
    return NONE if part is None else f"{part:.{digits}%}"


def number(value: float | None) -> str:
    """Three or four significant figures, thousands separated."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(rows: list[list[str]], *, left: int = 1) -> list[str]:
    """Lines of aligned columns, the first ``left`` of them to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
