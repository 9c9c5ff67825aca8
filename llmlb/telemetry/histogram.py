"""A histogram of durations with fixed bounds: one bisection and two additions per observation."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts of durations by upper bound, in seconds, as Prometheus means them (``le`` includes its bound).

    counts: one per bound, not cumulative, and a last one for everything above.
    """

    __slots__ = ("bounds_s", "counts", "sum_s")

    def __init__(self, bounds_s: tuple[float, ...]) -> None:
        self.bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)
        self.sum_s = 0.0

    @property
    def count(self) -> int:
        return sum(self.counts)

    def observe(self, value_s: float) -> None:
        self.counts[bisect_left(self.bounds_s, value_s)] += 1
        self.sum_s += value_s

    def observe_all(self, values_s: Sequence[float]) -> None:
        counts, bounds_s = self.counts, self.bounds_s
        for value_s in values_s:
            counts[bisect_left(bounds_s, value_s)] += 1
        self.sum_s += sum(values_s)

    def observe_many(self, sum_s: float, n: int, mean_s: float) -> None:
        """Add ``n`` observations of which only the mean is known: all of them go where the mean belongs."""
        self.counts[bisect_left(self.bounds_s, mean_s)] += n
        self.sum_s += sum_s
