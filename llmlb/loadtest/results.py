"""From records to figures. Pure: the same records give the same summary."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from llmlb.loadtest.balance import Balance, balance_of
from llmlb.loadtest.objectives import is_good
from llmlb.loadtest.percentiles import RESAMPLES, Sample
from llmlb.loadtest.plan import Slo, Tenant
from llmlb.loadtest.record import Record
from llmlb.loadtest.steady import steady_tokens_per_s
from llmlb.loadtest.taxonomy import Ending
from llmlb.loadtest.tenants import Fairness, fairness_of


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts. scheduled leaves out what the test hung up on itself; details: one message per class of failure.

    input_drift, output_drift: how far the lengths were from those asked for, 0.1 is 10 % longer; None if any would do.
    """

    scheduled: int
    sent: int
    ok: int
    failed: int
    cancelled: int
    endings: Mapping[Ending, int]
    details: Mapping[Ending, str]
    statuses: Mapping[int, int]
    input_tokens: int
    output_tokens: int
    estimated: int
    input_drift: float | None
    output_drift: float | None
    usage_faults: Mapping[str, int]
    retry_after_seen: int
    reconnects: int

    @property
    def error_rate(self) -> float:
        return self.failed / self.scheduled if self.scheduled else 0.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Per second of the window: first request sent to last byte. offered_per_s: None unless on a schedule.

    offered_per_s and sent_per_s count from the first to the last start: apart, they say that the client was late.
    steady_tokens_per_s: while at least 80 % of the peak were in flight; None for a run too short to tell.
    ok_interval: 95 % bootstrap interval of ok_per_s, None where there is too little to resample.
    """

    window_s: float
    offered_per_s: float | None
    sent_per_s: float
    completed_per_s: float
    ok_per_s: float
    ok_interval: tuple[float, float] | None
    tokens_per_s: float
    input_tokens_per_s: float
    steady_tokens_per_s: float | None


@dataclass(frozen=True, slots=True)
class Goodput:
    """Requests that were answered within every objective. share: of all scheduled, failures included."""

    good: int
    per_s: float
    share: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one run, phase or side.

    times: by metric name, in seconds except ``user_tokens_per_s``; failures are infinite in those that start at
    the request.  intervals: 95 % bootstrap intervals by metric and percentile.
    """

    totals: Totals
    rates: Rates
    times: Mapping[str, Sample] = field(repr=False)
    intervals: Mapping[str, Mapping[float, tuple[float, float]]] = field(repr=False)
    goodput: Goodput
    balance: Balance
    fairness: Fairness


def summarise(
    records: Iterable[Record],
    *,
    slo: Slo,
    seed: int,
    on_schedule: bool = False,
    weights: Mapping[str, float] | None = None,
    nodes: Sequence[str] = (),
    tenants: Sequence[Tenant] = (),
) -> Summary:
    """The figures of the measured records; warm-up and the ramp are left out.

    weights: expected share per node, 1 where absent.  nodes: nodes that could have served, even if none did.
    tenants: the keys that shared the load.
    """
    measured = [record for record in records if not record.label.warm_up]
    counted = [record for record in measured if record.ending is not Ending.CLIENT_CANCELLED]
    totals = _totals(measured, counted)
    rates = _rates(counted, totals, seed=seed, on_schedule=on_schedule)
    times = _times(counted)
    good = sum(is_good(record, slo) for record in counted)
    window_s = rates.window_s
    return Summary(
        totals=totals,
        rates=rates,
        times=times,
        intervals=_intervals(times, seed),
        goodput=Goodput(good, good / window_s if window_s else 0.0, good / len(counted) if counted else 0.0),
        balance=balance_of(counted, weights=weights or {}, nodes=nodes, window_s=window_s),
        fairness=fairness_of(counted, tenants, slo=slo, window_s=window_s),
    )


def _totals(measured: Sequence[Record], counted: Sequence[Record]) -> Totals:
    endings = Counter(record.ending for record in measured)
    details = {record.ending: record.detail for record in counted if record.ending.is_failure}
    answered = [record for record in counted if record.ending.is_ok]
    return Totals(
        scheduled=len(counted),
        sent=sum(record.sent_at_s is not None for record in counted),
        ok=len(answered),
        failed=sum(record.ending.is_failure for record in counted),
        cancelled=len(measured) - len(counted),
        endings=dict(sorted(endings.items(), key=lambda item: -item[1])),
        details=details,
        statuses=dict(sorted(Counter(record.status for record in counted if record.status).items())),
        input_tokens=sum(record.tokens.prompt for record in counted),
        output_tokens=sum(record.tokens.completion for record in answered),
        estimated=sum(record.tokens.estimated for record in answered),
        input_drift=_drift((r.asked.input_tokens, r.tokens.prompt) for r in answered),
        output_drift=_drift((r.asked.output_tokens, r.tokens.completion) for r in answered),
        usage_faults=dict(Counter(record.usage_fault for record in counted if record.usage_fault).most_common(3)),
        retry_after_seen=sum(record.retry_after_s is not None for record in counted),
        reconnects=sum(record.reconnects for record in counted),
    )


def _drift(lengths: Iterable[tuple[int, int]]) -> float | None:
    """Over the requests whose length was asked for and told."""
    known = [(asked, told) for asked, told in lengths if asked and told]
    return sum(told for _, told in known) / sum(asked for asked, _ in known) - 1 if known else None


def _rates(counted: Sequence[Record], totals: Totals, *, seed: int, on_schedule: bool) -> Rates:
    sent_at_s = [record.sent_at_s for record in counted if record.sent_at_s is not None]
    if not sent_at_s:
        return Rates(0.0, None, 0.0, 0.0, 0.0, None, 0.0, 0.0, None)
    start_s, end_s = min(sent_at_s), max(record.ended_at_s for record in counted)
    window_s = max(end_s - start_s, 1e-9)
    ended_ok_s = [record.ended_at_s - start_s for record in counted if record.ending.is_ok]
    scheduled_at_s = [record.scheduled_at_s for record in counted]
    return Rates(
        window_s=window_s,
        offered_per_s=_starts_per_s(scheduled_at_s) if on_schedule else None,
        sent_per_s=_starts_per_s(sent_at_s) or len(sent_at_s) / window_s,
        completed_per_s=len(counted) / window_s,
        ok_per_s=totals.ok / window_s,
        ok_interval=_rate_interval(ended_ok_s, window_s, random.Random(f"rate {seed}")),
        tokens_per_s=totals.output_tokens / window_s,
        input_tokens_per_s=totals.input_tokens / window_s,
        steady_tokens_per_s=steady_tokens_per_s(counted),
    )


def _starts_per_s(at_s: Sequence[float]) -> float | None:
    """None where all start at once."""
    span_s = max(at_s) - min(at_s)
    return (len(at_s) - 1) / span_s if span_s > 0 else None


def _rate_interval(ended_s: Sequence[float], window_s: float, rng: random.Random) -> tuple[float, float] | None:
    """Resamples the counts of twenty equal stretches of the window."""
    bins = [0] * 20
    if len(ended_s) < 2 * len(bins):
        return None
    for at_s in ended_s:
        bins[min(len(bins) - 1, int(at_s / window_s * len(bins)))] += 1
    rates = sorted(sum(rng.choices(bins, k=len(bins))) / window_s for _ in range(RESAMPLES))
    return rates[int(RESAMPLES * 0.025)], rates[int(RESAMPLES * 0.975)]


def _times(counted: Sequence[Record]) -> dict[str, Sample]:
    answered = [record for record in counted if record.ending.is_ok]
    failed = len(counted) - len(answered)
    # Answers that were not streamed have no first token; their failures must not look like slow ones.
    streamed = any(record.first_content_at_s is not None for record in counted) or not answered
    token_failures = failed if streamed else 0

    def taken(values: Iterable[float | None], failures: int) -> Sample:
        return Sample((value for value in values if value is not None), failures=failures)

    tpots = [record.tpot_s for record in answered]
    return {
        "ttft": taken((r.ttft_s for r in answered), token_failures),
        "ttft_service": taken((r.ttft_service_s for r in answered), token_failures),
        "tthb": taken((_tthb_s(r) for r in answered), failed),
        "ttfo": taken((_ttfo_s(r) for r in answered), 0),
        "tpot": taken(tpots, token_failures),
        "itl": taken((gap for r in counted for gap in r.content_gaps_s), 0),
        "stall": taken((max(r.content_gaps_s, default=None) for r in answered), token_failures),
        "e2e": taken((r.e2e_s for r in answered), failed),
        "e2e_service": taken((r.e2e_service_s for r in answered), failed),
        "e2e_per_token": taken((r.e2e_s / r.tokens.completion for r in answered if r.tokens.completion), failed),
        "user_tokens_per_s": taken((1 / tpot for tpot in tpots if tpot), 0),
        "overhead": taken((_seconds(r.routing.overhead_ms) for r in counted), 0),
        "queue": taken((_seconds(r.routing.queue_ms) for r in counted), 0),
        "connect": taken((r.connect_s for r in counted if r.connect_s), 0),
        "lag": taken((r.lag_s for r in counted), 0),
    }


def _tthb_s(record: Record) -> float | None:
    if record.head_at_s is None or record.sent_at_s is None:
        return None
    return record.head_at_s - record.sent_at_s


def _ttfo_s(record: Record) -> float | None:
    """Only where reasoning came before the answer; else it is the TTFT again."""
    if record.first_answer_at_s is None or record.first_answer_at_s == record.first_content_at_s:
        return None
    return record.first_answer_at_s - record.scheduled_at_s


def _seconds(value_ms: float | None) -> float | None:
    return None if value_ms is None else value_ms / 1000


def _intervals(times: Mapping[str, Sample], seed: int) -> dict[str, dict[float, tuple[float, float]]]:
    found: dict[str, dict[float, tuple[float, float]]] = {}
    for metric in ("ttft", "ttft_service", "tpot", "e2e"):
        sample = times[metric]
        rng = random.Random(f"interval {metric} {seed}")
        found[metric] = {q: sample.interval(q, rng) for q in (50.0, 90.0, 99.0) if sample.carries(q) and len(sample)}
    return found
