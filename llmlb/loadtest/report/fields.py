"""One summary as fields of the JSON document: counts, rates, times, nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping

from llmlb.loadtest.balance import Balance, NodeFigures, ReasonFigures
from llmlb.loadtest.percentiles import Sample, carries, hints_at
from llmlb.loadtest.results import Rates, Summary, Totals
from llmlb.loadtest.tenants import TenantFigures

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)

Json = Mapping[str, object]


def figures(summary: Summary) -> dict[str, object]:
    """The figures of one summary."""
    return {
        "totals": _totals(summary.totals),
        "rates": _rates(summary.rates),
        "goodput": {
            "good": summary.goodput.good,
            "per_s": rounded(summary.goodput.per_s),
            "share": rounded(summary.goodput.share),
        },
        "times": {name: _time(name, sample, summary) for name, sample in summary.times.items() if len(sample)},
        "nodes": [_node(node) for node in summary.balance.nodes],
        "reasons": [_reason(reason) for reason in summary.balance.reasons],
        "balance": _balance(summary.balance),
        "tenants": [_tenant(tenant) for tenant in summary.fairness.tenants],
        "tenant_jain": rounded(summary.fairness.jain),
    }


def _totals(totals: Totals) -> Json:
    return {
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
        "input_drift": rounded(totals.input_drift),
        "output_drift": rounded(totals.output_drift),
        "retry_after_seen": totals.retry_after_seen,
        "reconnects": totals.reconnects,
    }


def _rates(rates: Rates) -> Json:
    return {
        "window_s": rounded(rates.window_s),
        "offered_per_s": rounded(rates.offered_per_s),
        "sent_per_s": rounded(rates.sent_per_s),
        "completed_per_s": rounded(rates.completed_per_s),
        "ok_per_s": rounded(rates.ok_per_s),
        "ok_per_s_interval": [rounded(end) for end in rates.ok_interval] if rates.ok_interval else None,
        "tokens_per_s": rounded(rates.tokens_per_s),
        "input_tokens_per_s": rounded(rates.input_tokens_per_s),
        "steady_tokens_per_s": rounded(rates.steady_tokens_per_s),
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


def _node(node: NodeFigures) -> Json:
    return {
        "node": node.node,
        "weight": node.weight,
        "requests": node.requests,
        "share": rounded(node.share),
        "tokens": node.tokens,
        "token_share": rounded(node.token_share),
        "in_flight_mean": rounded(node.in_flight_mean),
        "in_flight_max": node.in_flight_max,
        "ttft_p50_ms": percentile_ms(node.ttft, 50),
        "ttft_p90_ms": percentile_ms(node.ttft, 90),
        "tpot_p50_ms": percentile_ms(node.tpot, 50),
        "e2e_p50_ms": percentile_ms(node.e2e, 50),
        "hit_rate": rounded(node.hit_rate),
        "retries": node.retries,
        "errors": node.errors,
    }


def _reason(reason: ReasonFigures) -> Json:
    return {
        "reason": reason.reason,
        "requests": reason.requests,
        "share": rounded(reason.share),
        "ttft_mean_ms": rounded(None if reason.ttft_mean_s is None else reason.ttft_mean_s * 1000, 4),
    }


def _balance(balance: Balance) -> Json:
    return {
        "imbalance": rounded(balance.imbalance),
        "jain": rounded(balance.jain),
        "as_intended_p": rounded(balance.as_intended),
        "retries": balance.retries,
        "failovers": balance.failovers,
        "lost": balance.lost,
        "broken": balance.broken,
        "hit_rate": rounded(balance.hit_rate),
        "affinity": rounded(balance.affinity),
    }


def _tenant(tenant: TenantFigures) -> Json:
    return {
        "tenant": tenant.tenant,
        "weight": tenant.weight,
        "requests": tenant.requests,
        "ok": tenant.ok,
        "good": tenant.good,
        "good_per_s": rounded(tenant.good_per_s),
        "good_share": rounded(tenant.good_share),
        "tokens": tenant.tokens,
        "ttft_p50_ms": percentile_ms(tenant.ttft, 50),
        "ttft_p90_ms": percentile_ms(tenant.ttft, 90),
        "e2e_p50_ms": percentile_ms(tenant.e2e, 50),
        "e2e_p90_ms": percentile_ms(tenant.e2e, 90),
        "refused": tenant.refused,
        "errors": tenant.errors,
    }


def percentile_ms(sample: Sample, q: float) -> float | str | None:
    """The percentile in ms; null where the sample is too small even for a hint."""
    return rounded(sample.percentile(q) * 1000, 4) if len(sample) and hints_at(len(sample), q) else None
