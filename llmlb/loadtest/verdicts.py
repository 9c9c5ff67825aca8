"""Holds the gates against a summary. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llmlb.loadtest.evidence import Evidence
from llmlb.loadtest.gates import SCALARS, Gate, Scope, Unit
from llmlb.loadtest.percentiles import needed
from llmlb.loadtest.record import Record
from llmlb.loadtest.results import summarise


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one gate. measured: None where it could not be evaluated.  note: why it failed."""

    gate: Gate
    passed: bool
    measured: float | None
    note: str = ""


_BELONGS_TO: Mapping[Scope, Callable[[Record], str]] = {
    Scope.NODE: lambda record: record.routing.node,
    Scope.REASON: lambda record: record.routing.reason,
    Scope.TENANT: lambda record: record.label.tenant,
}


def verdicts(gates: Sequence[Gate], evidence: Evidence) -> tuple[Verdict, ...]:
    """One verdict per gate, in order."""
    return tuple(_verdict(gate, evidence) for gate in gates)


def _verdict(gate: Gate, evidence: Evidence) -> Verdict:
    if gate.fault:
        return Verdict(gate, passed=False, measured=None, note=gate.fault)
    scoped = _scoped(gate, evidence)
    if isinstance(scoped, str):
        return Verdict(gate, passed=False, measured=None, note=scoped)
    measured = _scalar(gate, scoped) if gate.metric in SCALARS else _aggregate(gate, scoped)
    if isinstance(measured, str):
        return Verdict(gate, passed=False, measured=None, note=measured)
    if not gate.trips(measured):
        return Verdict(gate, passed=True, measured=measured)
    return Verdict(gate, passed=False, measured=measured, note=f"measured {shown(measured, gate.unit)}")


def _scoped(gate: Gate, evidence: Evidence) -> Evidence | str:
    """The evidence of the gate's part of the requests, or why there is none."""
    if gate.scope is Scope.ALL:
        return evidence
    belongs_to = _BELONGS_TO[gate.scope]
    records = [record for record in evidence.records if belongs_to(record) == gate.name]
    if not records:
        return f"no request of {gate.scope} {gate.name!r} in this run"
    summary = summarise(records, slo=evidence.yardstick.slo, seed=evidence.yardstick.seed)
    return Evidence(records, summary, evidence.honesty, evidence.yardstick)


def _aggregate(gate: Gate, evidence: Evidence) -> float | str:
    sample = evidence.summary.times[gate.metric]
    if gate.metric == "overhead" and evidence.overhead is not None:
        sample = evidence.overhead
    if not len(sample):
        return f"no request told its {gate.metric}"
    match gate.aggregate:
        case "max":
            return sample.maximum
        case "mean":
            return sample.mean
        case aggregate:
            q = float(aggregate[1:])
            if not sample.carries(q):
                return f"{aggregate} needs {needed(q)} samples, there are {len(sample)}"
            return sample.percentile(q)


def _scalar(gate: Gate, evidence: Evidence) -> float | str:
    value = _scalars(evidence)[gate.metric]
    return f"this run has no figure for {gate.metric}" if value is None else value


def _scalars(evidence: Evidence) -> Mapping[str, float | None]:
    summary = evidence.summary
    balance = summary.balance
    return {
        "errors": summary.totals.failed,
        "error_rate": summary.totals.error_rate if summary.totals.scheduled else None,
        "goodput": summary.goodput.per_s,
        "goodput_rate": summary.goodput.share if summary.totals.scheduled else None,
        "rps": summary.rates.ok_per_s,
        "tok_s": summary.rates.tokens_per_s,
        "imbalance": balance.imbalance,
        "jain": balance.jain,
        "tenant_jain": summary.fairness.jain,
        "retries": balance.retries,
        "failovers": balance.failovers,
        "lost": balance.lost,
        "broken": balance.broken,
        "hit_rate": balance.hit_rate,
        "affinity": balance.affinity,
        "lag": evidence.honesty.lag_s,
    }


def shown(value: float, unit: Unit | None) -> str:
    """A measured value with its unit."""
    if math.isinf(value):
        return "infinite (requests failed)"
    if unit is Unit.SECONDS:
        return f"{value * 1000:.4g} ms" if value < 1 else f"{value:.3f} s"
    return f"{value:.2%}" if unit is Unit.SHARE else f"{value:.4g}"
