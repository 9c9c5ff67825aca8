"""The throughput while the run was busy, without its slow start and its long tail."""

from __future__ import annotations

from collections.abc import Sequence

from llmlb.loadtest.record import Record

BUSY_SHARE = 0.8
"""A run counts as busy while this share of its peak is in flight."""

MIN_SHARE = 0.2
"""A busy stretch shorter than this share of the run says nothing."""


def steady_tokens_per_s(records: Sequence[Record]) -> float | None:
    """Output tokens per second in the longest busy stretch; None if there is none worth the name."""
    spans = [(record.sent_at_s, record.ended_at_s) for record in records if record.sent_at_s is not None]
    stretch = longest_busy_stretch([(start_s, end_s) for start_s, end_s in spans])
    if stretch is None:
        return None
    start_s, end_s = stretch
    tokens = sum(_tokens_between(record, start_s, end_s) for record in records if record.ending.is_ok)
    return tokens / (end_s - start_s)


def longest_busy_stretch(spans: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """The longest interval in which at least BUSY_SHARE of the peak overlap."""
    if not spans:
        return None
    edges = sorted([(start_s, 1) for start_s, _ in spans] + [(end_s, -1) for _, end_s in spans])
    level, peak = 0, 0
    for _, change in edges:
        level += change
        peak = max(peak, level)
    best = (0.0, 0.0)
    level, since_s = 0, None
    for at_s, change in edges:
        level += change
        if level >= peak * BUSY_SHARE:
            since_s = at_s if since_s is None else since_s
        elif since_s is not None:
            best = max(best, (since_s, at_s), key=lambda stretch: stretch[1] - stretch[0])
            since_s = None
    whole_s = edges[-1][0] - edges[0][0]
    length_s = best[1] - best[0]
    return best if length_s > 0 and length_s >= MIN_SHARE * whole_s else None


def _tokens_between(record: Record, start_s: float, end_s: float) -> float:
    """The record's tokens in an interval, taken as evenly spread from its first to its last."""
    first_s, last_s = record.first_content_at_s, record.last_content_at_s
    if first_s is None or last_s is None:
        first_s = last_s = record.ended_at_s
    if last_s <= first_s:
        return record.tokens.completion if start_s <= last_s <= end_s else 0.0
    overlap_s = max(0.0, min(end_s, last_s) - max(start_s, first_s))
    return record.tokens.completion * overlap_s / (last_s - first_s)
