"""A comparison for people: one line per figure, with its interval and a verdict."""

from __future__ import annotations

from collections.abc import Iterator

from llmlb.loadtest.compare import Change, Comparison, Row
from llmlb.loadtest.report import figures
from llmlb.loadtest.report.markdown import escaped, table

_MARKS = {Change.BETTER: "✔", Change.WORSE: "✘", Change.SAME: "="}


def comparison_text(comparison: Comparison) -> str:
    """Lines like ``p90 TTFT  412 ms → 371 ms  −10 %  [−14, −6]  ✔ better``."""
    return "\n".join(_lines(comparison)) + "\n"


def comparison_markdown(comparison: Comparison) -> str:
    """The same as a table for a pull request."""
    rows = [
        [_name(row), figures.time(row.before / 1000), figures.time(row.after / 1000), _percent(row.change),
         _interval(row), f"{_MARKS[row.verdict]} {row.verdict}"]
        for row in comparison.rows
    ]  # fmt: skip
    before, after = (f"{share:.2%}" for share in comparison.errors)
    verdict = f"{_MARKS[comparison.errors_verdict]} {comparison.errors_verdict}"
    rows.append(["errors", before, after, "", "", verdict])
    head = ["", escaped(comparison.before), escaped(comparison.after), "change", "95 %", ""]
    return "\n".join(table(head, rows)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    yield f"{comparison.before} → {comparison.after}"
    if comparison.unlike:
        yield f"  not alike: {', '.join(comparison.unlike)}"
    rows = [
        [_name(row), f"{figures.time(row.before / 1000)} → {figures.time(row.after / 1000)}", _percent(row.change),
         _interval(row), f"{_MARKS[row.verdict]} {row.verdict}"]
        for row in comparison.rows
    ]  # fmt: skip
    if rows:
        yield from (f"  {line}" for line in figures.table(rows, left=1))
    else:
        yield "  too few requests on one side for any percentile; use -n 50 or more"
    before, after = comparison.errors
    yield f"  errors {before:.2%} → {after:.2%}  {_MARKS[comparison.errors_verdict]} {comparison.errors_verdict}"
    for metric, p_value in comparison.p_values.items():
        yield f"  {metric}: Mann-Whitney p={p_value:.3g}"


def _name(row: Row) -> str:
    return f"p{row.q:g} {row.metric.upper()}"


def _percent(change: float) -> str:
    return f"{change:+.0%}".replace("-", "−").replace("%", " %") if abs(change) < 1e6 else "inf"


def _interval(row: Row) -> str:
    low, high = (f"{end * 100:+.0f}".replace("-", "−") if abs(end) < 1e6 else "inf" for end in row.interval)
    return f"[{low}, {high}]"
