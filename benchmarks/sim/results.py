"""What a run is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.sim.world import Record, Status
from llmlb.core.choice import Objective
from llmlb.loadtest.percentiles import Sample


@dataclass(frozen=True, slots=True)
class Verdict:
    """Shares 0..1, times in seconds.

    good: requests whose first token and whose pace met the objective, of all that arrived.  cached: prompt tokens that
    were not read again.  shares: requests by class of node.  jain: evenness of requests over the nodes, 1 is even.
    Percentiles are of answered requests; NaN where there was none.
    """

    requests: int
    good: float
    refused: float
    failed: float
    ttft_p50_s: float
    ttft_p90_s: float
    ttft_p99_s: float
    tpot_p99_s: float
    cached: float
    shares: Mapping[str, float]
    jain: float


def judged(records: Sequence[Record], classes: Sequence[str], objective: Objective) -> Verdict:
    """classes: of each node, by its place."""
    answered = [record for record in records if record.status is Status.ANSWERED]
    ttft = Sample(record.ttft_s for record in answered)
    tpot = Sample(record.tpot_s for record in answered)
    by_node = [0] * len(classes)
    for record in answered:
        by_node[record.node] += 1
    shares = dict.fromkeys(classes, 0.0)
    for kind, count in zip(classes, by_node, strict=True):
        shares[kind] += count / max(1, len(answered))
    total = len(records)
    return Verdict(
        requests=total,
        good=sum(_is_good(record, objective) for record in answered) / total,
        refused=sum(record.status is Status.REFUSED for record in records) / total,
        failed=sum(record.status is Status.FAILED for record in records) / total,
        ttft_p50_s=_percentile(ttft, 50),
        ttft_p90_s=_percentile(ttft, 90),
        ttft_p99_s=_percentile(ttft, 99),
        tpot_p99_s=_percentile(tpot, 99),
        cached=sum(record.cached_tokens for record in answered)
        / max(1, sum(record.arrival.prompt_tokens for record in answered)),
        shares=shares,
        jain=sum(by_node) ** 2 / max(1, len(by_node) * sum(count * count for count in by_node)),
    )


def _is_good(record: Record, objective: Objective) -> bool:
    return record.ttft_s < objective.ttft_s and record.tpot_s < objective.tpot_s


def _percentile(sample: Sample, q: float) -> float:
    return sample.percentile(q) if len(sample) else float("nan")
