"""The JSON form of a result: its fields are only ever added, ``schema_version`` changes where one is not.

Times are milliseconds. A percentile is null where the sample is too small for it, and the text ``inf`` where so
many requests failed that it lies among them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from llmlb.clock import rfc3339
from llmlb.loadtest.histogram import GROWTH, Histogram
from llmlb.loadtest.percentiles import Sample, carries, hints_at
from llmlb.loadtest.report.configuration import configuration
from llmlb.loadtest.report.text import verdict
from llmlb.loadtest.result import Result
from llmlb.loadtest.results import Summary

KIND = "LoadTest"
SCHEMA_VERSION = 1
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
SAMPLED = ("ttft", "tpot", "e2e")
"""Metrics whose single values are kept, for a later comparison."""

Json = Mapping[str, object]


def json_report(result: Result) -> str:
    """The document as text."""
    return json.dumps(document(result), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def document(result: Result) -> dict[str, object]:
    """The whole result but for the single requests, which the NDJSON has."""
    return {
        "apiVersion": "llmlb/v1",
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "meta": {
            "run_id": result.run_id,
            "started_at": rfc3339(result.started_at_unix_s),
            "verdict": verdict(result),
            "exit_code": result.exit_code,
            "interrupted": result.interrupted,
            "notes": list(result.notes),
        },
        "environment": dict(result.environment),
        "config": configuration(result),
        **figures(result.summary),
        "histograms": {name: _histogram(result.summary.times[name]) for name in ("ttft", "tpot", "itl", "e2e")},
        "samples": {name: _values(result.summary.times[name]) for name in SAMPLED},
        "phases": [{"name": phase.name, **figures(phase.summary)} for phase in result.phases],
        "opponent": figures(result.opponent) if result.opponent else None,
        "pairs": _pairs(result),
        "capacity": _capacity(result),
        "client": _client(result),
        "timeline": _timeline(result),
        "events": _events(result),
        "gates": _gates(result),
    }


def figures(summary: Summary) -> dict[str, object]:
    """The figures of one summary."""
    totals, rates = summary.totals, summary.rates
    return {
        "totals": {
            "scheduled": totals.scheduled,
            "sent": totals.sent,
            "ok": totals.ok,
            "failed": totals.failed,
            "cancelled": totals.cancelled,
            "error_rate": rounded(totals.error_rate),
            "endings": {str(ending): count for ending, count in totals.endings.items()},
            "details": {str(ending): detail for ending, detail in totals.details.items()},
            "statuses": {str(status): count for status, count in totals.statuses.items()},
            "input_tokens": totals.input_tokens,
            "output_tokens": totals.output_tokens,
            "estimated": totals.estimated,
            "retry_after_seen": totals.retry_after_seen,
            "reconnects": totals.reconnects,
        },
        "rates": {
            "window_s": rounded(rates.window_s),
            "offered_per_s": rounded(rates.offered_per_s),
            "sent_per_s": rounded(rates.sent_per_s),
            "completed_per_s": rounded(rates.completed_per_s),
            "ok_per_s": rounded(rates.ok_per_s),
            "ok_per_s_interval": [rounded(end) for end in rates.ok_interval] if rates.ok_interval else None,
            "tokens_per_s": rounded(rates.tokens_per_s),
            "input_tokens_per_s": rounded(rates.input_tokens_per_s),
            "steady_tokens_per_s": rounded(rates.steady_tokens_per_s),
        },
        "goodput": {
            "good": summary.goodput.good,
            "per_s": rounded(summary.goodput.per_s),
            "share": rounded(summary.goodput.share),
        },
        "times": {name: _time(name, sample, summary) for name, sample in summary.times.items() if len(sample)},
        **_balance(summary),
    }


def rounded(value: float | None, digits: int = 6) -> float | str | None:
    """A number as JSON knows it: infinity becomes the text ``inf``."""
    if value is None:
        return None
    return round(value, digits) if math.isfinite(value) else "inf"


def _time(name: str, sample: Sample, summary: Summary) -> Json:
    """One metric: percentiles, mean, extremes; those that rest on few values are named."""
    unit, factor = ("tokens/s", 1.0) if name == "user_tokens_per_s" else ("ms", 1000.0)
    count = len(sample)
    shown = {q: rounded(sample.percentile(q) * factor, 4) if hints_at(count, q) else None for q in PERCENTILES}
    intervals = summary.intervals.get(name, {})
    return {
        "unit": unit,
        "count": count,
        "failures": sample.failures,
        "min": rounded(sample.minimum * factor, 4),
        "mean": rounded(sample.mean * factor, 4),
        **{f"p{q:g}": value for q, value in shown.items()},
        "max": rounded(sample.maximum * factor, 4),
        "rests_on_few": [f"p{q:g}" for q in PERCENTILES if hints_at(count, q) and not carries(count, q)],
        "intervals": {f"p{q:g}": [rounded(end * factor, 4) for end in ends] for q, ends in intervals.items()},
    }


def _balance(summary: Summary) -> dict[str, object]:
    balance = summary.balance
    return {
        "nodes": [
            {
                "node": node.node,
                "weight": node.weight,
                "requests": node.requests,
                "share": rounded(node.share),
                "tokens": node.tokens,
                "token_share": rounded(node.token_share),
                "in_flight_mean": rounded(node.in_flight_mean),
                "in_flight_max": node.in_flight_max,
                "ttft_p50_ms": _percentile_ms(node.ttft, 50),
                "ttft_p90_ms": _percentile_ms(node.ttft, 90),
                "tpot_p50_ms": _percentile_ms(node.tpot, 50),
                "e2e_p50_ms": _percentile_ms(node.e2e, 50),
                "hit_rate": rounded(node.hit_rate),
                "retries": node.retries,
                "errors": node.errors,
            }
            for node in balance.nodes
        ],
        "reasons": [
            {
                "reason": reason.reason,
                "requests": reason.requests,
                "share": rounded(reason.share),
                "ttft_mean_ms": rounded(None if reason.ttft_mean_s is None else reason.ttft_mean_s * 1000, 4),
            }
            for reason in balance.reasons
        ],
        "balance": {
            "imbalance": rounded(balance.imbalance),
            "jain": rounded(balance.jain),
            "as_intended_p": rounded(balance.as_intended),
            "retries": balance.retries,
            "failovers": balance.failovers,
            "lost": balance.lost,
            "broken": balance.broken,
            "hit_rate": rounded(balance.hit_rate),
            "affinity": rounded(balance.affinity),
        },
    }


def _percentile_ms(sample: Sample, q: float) -> float | str | None:
    return rounded(sample.percentile(q) * 1000, 4) if len(sample) and hints_at(len(sample), q) else None


def _histogram(sample: Sample) -> Json:
    """Buckets from GROWTH**index ms to the next; files of several runs merge by adding their counts."""
    histogram = Histogram.of(value * 1000 for value in sample)
    return {
        "unit": "ms",
        "growth": GROWTH,
        "zeros": histogram.zeros,
        "infinite": histogram.infinite,
        "counts": {str(index): histogram.counts[index] for index in sorted(histogram.counts)},
    }


def _values(sample: Sample) -> Json:
    return {"unit": "ms", "failures": sample.failures, "values": [round(s * 1000, 4) for s in sample.measured]}


def _pairs(result: Result) -> Json | None:
    pairing = result.pairing
    if pairing is None:
        return None
    return {
        "pairs": pairing.pairs,
        "dropped": pairing.dropped,
        "misrouted": pairing.misrouted,
        "differences": {
            difference.metric: {
                "unit": "ms",
                "count": len(difference.values),
                **{f"p{q:g}": _percentile_ms(difference.values, q) for q in (50.0, 90.0, 99.0)},
                "interval": [rounded(end * 1000, 4) for end in difference.interval] if difference.interval else None,
            }
            for difference in pairing.differences
        },
    }


def _capacity(result: Result) -> Json | None:
    capacity = result.capacity
    if capacity is None:
        return None
    return {
        "rate_per_s": rounded(capacity.rate_per_s),
        "upper_per_s": rounded(capacity.upper_per_s),
        "steps": [
            {
                "rate_per_s": rounded(step.rate_per_s),
                "requests": step.requests,
                "good_share": rounded(step.good_share),
                "saturated": step.saturated,
                "passed": step.passed,
            }
            for step in capacity.steps
        ],
    }


def _client(result: Result) -> Json:
    honesty = result.honesty
    return {
        "honest": honesty.is_honest,
        "faults": list(honesty.faults),
        "lag_percentile": honesty.lag_q,
        "lag_ms": rounded(honesty.lag_s * 1000, 4),
        "lag_max_ms": rounded(honesty.lag_max_s * 1000, 4),
        "lag_limit_ms": rounded(honesty.lag_limit_s * 1000, 4),
        "loop_lag_p99_ms": rounded(honesty.loop_lag_p99_s * 1000, 4),
        "cpu_share": rounded(honesty.cpu_share),
        "sockets": honesty.sockets,
    }


def _timeline(result: Result) -> list[Json]:
    return [
        {
            "at_s": second.at_s,
            "scheduled": second.scheduled,
            "sent": second.sent,
            "ok": second.ok,
            "failed": second.failed,
            "in_flight": second.in_flight,
            "tokens": second.tokens,
            "ttft_p50_ms": rounded(None if second.ttft_p50_s is None else second.ttft_p50_s * 1000, 4),
            "ttft_p90_ms": rounded(None if second.ttft_p90_s is None else second.ttft_p90_s * 1000, 4),
        }
        for second in result.timeline
    ]


def _events(result: Result) -> list[Json]:
    """When each phase began, and where the run was cut off."""
    starts: dict[int, float] = {}
    for record in result.records:
        if not record.label.warm_up and record.label.arm == 0:
            phase = record.label.phase
            starts[phase] = min(record.scheduled_at_s, starts.get(phase, math.inf))
    events: list[Json] = [
        {"at_s": rounded(starts[number]), "event": "phase", "name": phase.name}
        for number, phase in enumerate(result.phases)
        if number in starts
    ]
    if result.interrupted and result.records:
        last_s = max(record.ended_at_s for record in result.records)
        events.append({"at_s": rounded(last_s), "event": "interrupted", "name": ""})
    return events


def _gates(result: Result) -> list[Json]:
    return [
        {
            "gate": verdict.gate.text,
            "passed": verdict.passed,
            "measured": rounded(verdict.measured),
            "unit": str(verdict.gate.unit or ""),
            "note": verdict.note,
        }
        for verdict in result.verdicts
    ]
