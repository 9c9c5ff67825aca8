"""The run second by second. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmlb.loadtest.percentiles import Sample
from llmlb.loadtest.record import Record

MAX_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the run. in_flight: at its end.  ttft: of the requests whose first token came in it, in s."""

    at_s: int
    scheduled: int
    sent: int
    ok: int
    failed: int
    in_flight: int
    tokens: int
    ttft_p50_s: float | None
    ttft_p90_s: float | None


def timeline(records: Sequence[Record]) -> tuple[Second, ...]:
    """Every second from the start of the run to its last byte; warm-up included, it is part of the picture."""
    if not records:
        return ()
    length = min(MAX_SECONDS, int(max(record.ended_at_s for record in records)) + 1)
    counts = [[0, 0, 0, 0, 0, 0] for _ in range(length)]
    ttfts: list[list[float]] = [[] for _ in range(length)]
    for record in records:
        _count(record, counts, ttfts)
    seconds = []
    in_flight = 0
    for at_s, (scheduled, sent, ok, failed, tokens, ended) in enumerate(counts):
        in_flight += sent - ended
        sample = Sample(ttfts[at_s])
        p50, p90 = (sample.percentile(q) if len(sample) else None for q in (50, 90))
        seconds.append(Second(at_s, scheduled, sent, ok, failed, in_flight, tokens, p50, p90))
    return tuple(seconds)


def _count(record: Record, counts: list[list[int]], ttfts: list[list[float]]) -> None:
    last = len(counts) - 1
    ended = min(last, max(0, int(record.ended_at_s)))
    counts[min(last, max(0, int(record.scheduled_at_s)))][0] += 1
    if record.sent_at_s is not None:
        counts[min(last, max(0, int(record.sent_at_s)))][1] += 1
        counts[ended][5] += 1
    counts[ended][2] += record.ending.is_ok
    counts[ended][3] += record.ending.is_failure
    counts[ended][4] += record.tokens.completion
    if record.first_content_at_s is not None and record.ttft_s is not None:
        ttfts[min(last, max(0, int(record.first_content_at_s)))].append(record.ttft_s)
