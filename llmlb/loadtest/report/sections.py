"""The parts of the summary that only some runs have: nodes, pairs, phases, the capacity, errors, gates."""

from __future__ import annotations

from collections.abc import Iterator

from llmlb.loadtest.balance import Balance, NodeFigures
from llmlb.loadtest.report import figures
from llmlb.loadtest.result import Result
from llmlb.loadtest.results import Totals
from llmlb.loadtest.taxonomy import MEANING, Ending
from llmlb.loadtest.verdicts import Verdict, shown

MAX_NODES = 40
"""More rows than this scroll the verdict off the screen; the JSON has them all."""


def node_lines(result: Result) -> list[str]:
    """The spread over the nodes, with its fairness; empty against a server that names none."""
    balance = result.summary.balance
    if not balance.nodes:
        return []
    head = ["NODE", "REQ", "SHARE", "TOKENS", "IN FLIGHT", "TTFT p50", "p90", "TPOT p50", "HIT", "RETRIES", "ERRORS"]
    rows = [head, *(_node_row(node) for node in balance.nodes[:MAX_NODES])]
    lines = figures.table(rows)
    if len(balance.nodes) > MAX_NODES:
        lines.append(f"... {len(balance.nodes) - MAX_NODES} more nodes, see --json")
    lines.append(_fairness(balance))
    if balance.reasons:
        lines.append("reasons: " + ", ".join(f"{r.reason} {r.requests}" for r in balance.reasons))
    return lines


def _node_row(node: NodeFigures) -> list[str]:
    return [
        node.node,
        str(node.requests),
        figures.percent(node.share),
        f"{node.tokens:,}",
        f"{node.in_flight_mean:.1f}/{node.in_flight_max}",
        figures.percentile(node.ttft, 50),
        figures.percentile(node.ttft, 90),
        figures.percentile(node.tpot, 50),
        figures.percent(node.hit_rate),
        str(node.retries),
        str(node.errors),
    ]


def _fairness(balance: Balance) -> str:
    parts = []
    if balance.imbalance is not None:
        parts.append(f"imbalance {balance.imbalance:.2f} (max/mean)")
    if balance.jain is not None:
        parts.append(f"Jain {balance.jain:.3f}")
    if balance.as_intended is not None:
        parts.append(f"as intended p={balance.as_intended:.2f}")
    if balance.affinity is not None:
        parts.append(f"affinity {balance.affinity:.0%}")
    parts.append(f"retries {balance.retries}, failovers {balance.failovers}")
    parts.append(f"lost {balance.lost}, broken mid-stream {balance.broken}")
    return ", ".join(parts)


def tenant_lines(result: Result) -> list[str]:
    """What each tenant got, with the fairness between them; empty for a run with one key."""
    fairness = result.summary.fairness
    if not fairness.tenants:
        return []
    rows = [["TENANT", "WEIGHT", "REQ", "OK", "GOOD/S", "GOOD", "TTFT p50", "p90", "E2E p50", "p90", "429", "ERRORS"]]
    for tenant in fairness.tenants[:MAX_NODES]:
        rows.append(
            [
                tenant.tenant,
                f"{tenant.weight:g}",
                str(tenant.requests),
                str(tenant.ok),
                figures.number(tenant.good_per_s),
                figures.percent(tenant.good_share),
                *(figures.percentile(sample, q) for sample in (tenant.ttft, tenant.e2e) for q in (50, 90)),
                str(tenant.refused),
                str(tenant.errors),
            ]
        )
    lines = figures.table(rows)
    if len(fairness.tenants) > MAX_NODES:
        lines.append(f"... {len(fairness.tenants) - MAX_NODES} more tenants, see --json")
    jain = figures.NONE if fairness.jain is None else f"{fairness.jain:.3f}"
    return [*lines, f"Jain {jain} of the good requests per weight (1 is even)"]


def pairing_lines(result: Result) -> list[str]:
    """The paired differences, target less opponent."""
    pairing = result.pairing
    if pairing is None:
        return []
    left_out = f", {pairing.dropped} with a failure and {pairing.misrouted} on another node left out"
    ours, *theirs = result.side_names
    lines = [f"{pairing.pairs} pairs, {ours} less {', '.join(theirs)}{left_out}"]
    rows = [["difference", "p50", "p90", "p99", "max", "p50 95% CI"]]
    for difference in pairing.differences:
        if not len(difference.values):
            continue
        cells = [figures.percentile(difference.values, q) for q in (50, 90, 99)]
        ends = difference.interval
        spread = f"{figures.time(ends[0])} .. {figures.time(ends[1])}" if ends else figures.NONE
        rows.append([difference.metric, *cells, figures.maximum(difference.values), spread])
    return lines + (figures.table(rows) if len(rows) > 1 else [])


def phase_lines(result: Result) -> list[str]:
    """One row per stage or step."""
    if not result.phases:
        return []
    rows = [["PHASE", "REQ", "OK", "OK/S", "TOKENS/S", "TTFT p50", "p90", "TPOT p50", "E2E p50", "GOOD"]]
    for phase in result.phases:
        summary = phase.summary
        times = summary.times
        rows.append(
            [
                phase.name,
                str(summary.totals.scheduled),
                str(summary.totals.ok),
                figures.number(summary.rates.ok_per_s),
                figures.number(summary.rates.tokens_per_s),
                figures.percentile(times["ttft"], 50),
                figures.percentile(times["ttft"], 90),
                figures.percentile(times["tpot"], 50),
                figures.percentile(times["e2e"], 50),
                figures.percent(summary.goodput.share if summary.totals.scheduled else None),
            ]
        )
    return figures.table(rows)


def capacity_lines(result: Result) -> list[str]:
    """The highest rate found."""
    capacity = result.capacity
    if capacity is None:
        return []
    rows = [["RATE", "REQ", "GOOD", ""]]
    for step in capacity.steps:
        note = "ok" if step.passed else "latency kept growing" if step.saturated else "too few good"
        rows.append([f"{step.rate_per_s:.3g}/s", str(step.requests), figures.percent(step.good_share), note])
    if capacity.rate_per_s is None:
        return ["capacity: below the lowest rate tried", *figures.table(rows)]
    upper = f", {capacity.upper_per_s:.3g}/s was too much" if capacity.upper_per_s else ", no limit met"
    return [f"capacity: {capacity.rate_per_s:.3g} requests/s{upper}", *figures.table(rows)]


def error_lines(result: Result) -> list[str]:
    """Every class of failure with its count, its meaning and one message."""
    lines = [*_errors(result.summary.totals, "")]
    return [*lines, *_errors(result.opponent.totals, " of the opponent")] if result.opponent else lines


def _errors(totals: Totals, whose: str) -> Iterator[str]:
    failures = {ending: count for ending, count in totals.endings.items() if ending.is_failure}
    if not failures:
        yield f"errors{whose}: none"
    for ending, count in failures.items():
        yield f"errors{whose}: {count} {ending} ({MEANING[ending]}): {totals.details.get(ending, '')}".rstrip(": ")
    if totals.retry_after_seen:
        yield f"{totals.retry_after_seen} answers asked to come back later (Retry-After)"
    if empty := totals.endings.get(Ending.OK_EMPTY):
        yield f"{empty} answers had no token at all"
    for fault, count in totals.usage_faults.items():
        yield f"usage of {count} answers: {fault}"


def _measured(verdict: Verdict) -> str:
    return "" if verdict.measured is None else f"measured {shown(verdict.measured, verdict.gate.unit)}"


def gate_lines(result: Result) -> list[str]:
    """One line per gate."""
    return [
        f"gate {'ok  ' if verdict.passed else 'FAIL'} {verdict.gate.text}" + f"  {verdict.note or _measured(verdict)}"
        for verdict in result.verdicts
    ]
