"""The summary on the terminal: the verdict first, then what explains it."""

from __future__ import annotations

from collections.abc import Iterator

from llmlb.loadtest.percentiles import Sample, carries, needed
from llmlb.loadtest.plan import describe
from llmlb.loadtest.report import figures
from llmlb.loadtest.report.sections import (
    capacity_lines,
    error_lines,
    gate_lines,
    node_lines,
    pairing_lines,
    phase_lines,
    tenant_lines,
)
from llmlb.loadtest.result import Result
from llmlb.loadtest.results import Summary

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)

ROWS = (
    ("ttft", "ttft      since schedule"),
    ("ttft_service", "ttft      since sent"),
    ("ttfo", "ttfo      first answer"),
    ("tpot", "tpot      per token"),
    ("stall", "stall     longest gap"),
    ("e2e", "e2e       since schedule"),
    ("queue", "queue     in the router"),
    ("overhead", "overhead  of the router"),
)


def text_report(result: Result) -> str:
    """The whole summary, lines of at most 110 columns."""
    return "\n".join(_lines(result)) + "\n"


def success_line(summary: Summary) -> str:
    """``Success: 30/30``."""
    return f"Success: {summary.totals.ok}/{summary.totals.scheduled}"


def _lines(result: Result) -> Iterator[str]:
    summary = result.summary
    yield f"{success_line(summary)}  {verdict(result)}"
    yield f"  {result.target_url}  model {result.model}  {describe(result.plan.load)}, seed {result.plan.seed}"
    yield from _rates(summary)
    if summary.totals.scheduled:
        yield ""
        yield from (f"  {line}" for line in _times(summary))
    for section in (
        node_lines(result),
        tenant_lines(result),
        pairing_lines(result),
        phase_lines(result),
        capacity_lines(result),
        error_lines(result),
        gate_lines(result),
        list(_client(result)),
    ):
        if section:
            yield ""
            yield from (f"  {line}" for line in section)


def verdict(result: Result) -> str:
    """One word or two for how the command ends."""
    if result.interrupted:
        return "INTERRUPTED (partial result)"
    match result.exit_code:
        case 0:
            return "PASS"
        case 3:
            return "UNREACHABLE"
        case 10:
            failed = sum(not verdict.passed for verdict in result.verdicts)
            return f"GATE FAILED ({failed} of {len(result.verdicts)})"
        case 11:
            return "CLIENT NOT HONEST"
        case _:
            return f"FAILURES ({result.summary.totals.failed})"


def _rates(summary: Summary) -> Iterator[str]:
    rates, totals = summary.rates, summary.totals
    steady = f", {figures.number(rates.steady_tokens_per_s)} while busy" if rates.steady_tokens_per_s else ""
    estimated = f" ({totals.estimated} answers without usage: counted)" if totals.estimated else ""
    yield (
        f"  {figures.number(rates.ok_per_s)} ok/s{_interval(rates.ok_interval)}, "
        f"{figures.number(rates.tokens_per_s)} tokens/s out{steady}, "
        f"{totals.output_tokens:,} tokens out{estimated}, {totals.input_tokens:,} in, {rates.window_s:.2f} s"
    )
    if rates.offered_per_s is not None:
        yield (
            f"  offered {figures.number(rates.offered_per_s)}/s, sent {figures.number(rates.sent_per_s)}/s, "
            f"completed {figures.number(rates.completed_per_s)}/s"
        )
    drifts = [("prompts", totals.input_drift), ("answers", totals.output_drift)]
    told = [f"{name} {drift:+.0%} in tokens" for name, drift in drifts if drift is not None and abs(drift) >= 0.005]
    if told:
        yield f"  lengths against what was asked for: {', '.join(told)}"
    goodput = summary.goodput
    if goodput.good != totals.ok:
        yield f"  goodput {figures.number(goodput.per_s)}/s, {goodput.share:.1%} of all scheduled"
    if totals.cancelled:
        yield f"  {totals.cancelled} hung up by the test itself, not counted"


def _interval(interval: tuple[float, float] | None) -> str:
    return f" [{figures.number(interval[0])}, {figures.number(interval[1])}]" if interval else ""


def _times(summary: Summary) -> Iterator[str]:
    head = ["", *(f"p{q:g}" for q in PERCENTILES), "max", "p50 95% CI"]
    rows = [head]
    for metric, title in ROWS:
        sample = summary.times[metric]
        if len(sample):
            found = summary.intervals.get(metric, {}).get(50.0)
            spread = f"{figures.time(found[0])} .. {figures.time(found[1])}" if found else figures.NONE
            cells = [figures.percentile(sample, q) for q in PERCENTILES]
            rows.append([title, *cells, figures.maximum(sample), spread])
    yield from figures.table(rows)
    yield from _small_sample(summary.times["e2e"])


def _small_sample(sample: Sample) -> Iterator[str]:
    if len(sample) and not carries(len(sample), 99):
        yield f"{len(sample)} requests carry no p99 (~ rests on few values); use -n {needed(99)} for one"


def _client(result: Result) -> Iterator[str]:
    honesty = result.honesty
    state = "kept up" if honesty.is_honest else "DID NOT KEEP UP, the figures above are partly its own"
    yield (
        f"client {state}: lag p{honesty.lag_q:g} {figures.time(honesty.lag_s)} max {figures.time(honesty.lag_max_s)}, "
        f"loop p99 {figures.time(honesty.loop_lag_p99_s)}, CPU {honesty.cpu_share:.0%}, {honesty.sockets} sockets"
    )
    yield from honesty.faults
    yield from result.notes
