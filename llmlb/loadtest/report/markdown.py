"""A summary for a pull request: verdict, times, nodes, gates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llmlb.loadtest.plan import describe
from llmlb.loadtest.report import figures
from llmlb.loadtest.report.text import ROWS, success_line, verdict
from llmlb.loadtest.result import Result
from llmlb.loadtest.taxonomy import MEANING

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~@!])")


def markdown_report(result: Result) -> str:
    """GitHub-flavoured Markdown; text from the server is escaped."""
    return "\n".join(_lines(result)) + "\n"


def escaped(text: str) -> str:
    """The text without any meaning to Markdown; ``@`` too, or a node's name could call people."""
    return _SPECIAL.sub(r"\\\1", text).replace("\\@", "&#64;")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table whose first column is to the left and the others to the right."""
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, ruler, *rows)]


def _lines(result: Result) -> Iterator[str]:
    summary = result.summary
    yield f"### llmlb loadtest: {success_line(summary)}, {verdict(result)}"
    yield ""
    yield (
        f"{escaped(result.target_url)}, model {escaped(result.model)}, {describe(result.plan.load)}. "
        f"{figures.number(summary.rates.ok_per_s)} ok/s, {figures.number(summary.rates.tokens_per_s)} tokens/s."
    )
    times = [(title, summary.times[metric]) for metric, title in ROWS if len(summary.times[metric])]
    if times:
        yield ""
        rows = [
            [" ".join(title.split()), *(figures.percentile(sample, q) for q in (50, 90, 99)), figures.maximum(sample)]
            for title, sample in times
        ]
        yield from table(["", "p50", "p90", "p99", "max"], rows)
    yield from _nodes(result)
    yield from _tenants(result)
    yield from _errors(result)
    yield from _gates(result)
    if not result.honesty.is_honest:
        yield ""
        yield f"**The client did not keep up:** {'; '.join(result.honesty.faults)}"


def _nodes(result: Result) -> Iterator[str]:
    nodes = result.summary.balance.nodes
    if not nodes:
        return
    yield ""
    rows = [
        [
            escaped(node.node),
            str(node.requests),
            figures.percent(node.share),
            figures.percentile(node.ttft, 50),
            str(node.retries),
            str(node.errors),
        ]
        for node in nodes
    ]
    yield from table(["node", "requests", "share", "TTFT p50", "retries", "errors"], rows)


def _tenants(result: Result) -> Iterator[str]:
    tenants = result.summary.fairness.tenants
    if not tenants:
        return
    yield ""
    rows = [
        [
            escaped(tenant.tenant),
            f"{tenant.weight:g}",
            str(tenant.requests),
            figures.percent(tenant.good_share),
            figures.percentile(tenant.ttft, 90),
            figures.percentile(tenant.e2e, 90),
            str(tenant.errors),
        ]
        for tenant in tenants
    ]
    yield from table(["tenant", "weight", "requests", "good", "TTFT p90", "E2E p90", "errors"], rows)


def _errors(result: Result) -> Iterator[str]:
    totals = result.summary.totals
    failures = [(ending, count) for ending, count in totals.endings.items() if ending.is_failure]
    if failures:
        yield ""
        rows = [[f"`{ending}`", str(count), MEANING[ending]] for ending, count in failures]
        yield from table(["failure", "count", "meaning"], rows)


def _gates(result: Result) -> Iterator[str]:
    if result.verdicts:
        yield ""
        rows = [
            [f"{'✅' if verdict.passed else '❌'} {escaped(verdict.gate.text)}", escaped(verdict.note or "ok")]
            for verdict in result.verdicts
        ]
        yield from table(["gate", "result"], rows)
