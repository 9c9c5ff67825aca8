"""The JSON form of a result: its fields are only ever added, ``schema_version`` changes where one is not.

Times are milliseconds. A percentile is null where the sample is too small for it, and the text ``inf`` where so
many requests failed that it lies among them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from llmlb.clock import rfc3339
from llmlb.loadtest.histogram import GROWTH, Histogram
from llmlb.loadtest.percentiles import Sample
from llmlb.loadtest.report.configuration import configuration
from llmlb.loadtest.report.fields import Json, figures, percentile_ms, rounded
from llmlb.loadtest.report.text import verdict
from llmlb.loadtest.result import Result
from llmlb.loadtest.verdicts import Verdict

KIND = "LoadTest"
SCHEMA_VERSION = 1
SAMPLED = ("ttft", "tpot", "e2e")
"""Metrics whose single values are kept, for a later comparison."""


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
        "gates": gate_rows(result.verdicts),
    }


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
                **{f"p{q:g}": percentile_ms(difference.values, q) for q in (50.0, 90.0, 99.0)},
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


def gate_rows(verdicts: Sequence[Verdict]) -> list[Json]:
    """How gates stand. measured: in seconds, as a share of 1, or a plain number, as ``unit`` says."""
    return [
        {
            "gate": verdict.gate.text,
            "passed": verdict.passed,
            "measured": rounded(verdict.measured),
            "unit": str(verdict.gate.unit or ""),
            "note": verdict.note,
        }
        for verdict in verdicts
    ]
