"""A mergeable histogram with logarithmic buckets 1 % wide: live figures and files of any run length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

GROWTH = 1.01
"""Ratio of neighbouring bucket edges: a percentile read back is off by at most 0.5 %."""

_LOG_GROWTH = math.log(GROWTH)


class Histogram:
    """Counts of positive values per bucket; zeros and infinities are counted beside them.

    Bucket i holds values in [GROWTH**i, GROWTH**(i+1)). Unit: whatever is put in; llmlb writes milliseconds.
    """

    __slots__ = ("counts", "infinite", "zeros")

    def __init__(self, counts: Mapping[int, int] | None = None, *, zeros: int = 0, infinite: int = 0) -> None:
        self.counts = dict(counts or {})
        self.zeros = zeros
        self.infinite = infinite

    @classmethod
    def of(cls, values: Iterable[float]) -> Histogram:
        histogram = cls()
        for value in values:
            histogram.add(value)
        return histogram

    def __len__(self) -> int:
        return sum(self.counts.values()) + self.zeros + self.infinite

    def add(self, value: float) -> None:
        """Counts one value; zero and below count as zero."""
        if value == math.inf:
            self.infinite += 1
        elif value <= 0:
            self.zeros += 1
        else:
            index = math.floor(math.log(value) / _LOG_GROWTH)
            self.counts[index] = self.counts.get(index, 0) + 1

    def merge(self, other: Histogram) -> None:
        """Adds the other's counts: the result is that of one run with both sets of values."""
        for index, count in other.counts.items():
            self.counts[index] = self.counts.get(index, 0) + count
        self.zeros += other.zeros
        self.infinite += other.infinite

    def percentile(self, q: float) -> float:
        """The middle of the bucket that holds the nearest rank, q in (0, 100]. Raises ValueError if empty."""
        total = len(self)
        if not total:
            raise ValueError("an empty histogram has no percentile")
        wanted = max(1, math.ceil(round(total * q / 100, 9)))
        seen = self.zeros
        if wanted <= seen:
            return 0.0
        for index in sorted(self.counts):
            seen += self.counts[index]
            if wanted <= seen:
                return float(GROWTH ** (index + 0.5))
        return math.inf

    def bars(self, width: int) -> list[tuple[float, float, int]]:
        """The finite positive values in ``width`` equal logarithmic steps: (from, to, count)."""
        if not self.counts:
            return []
        first, last = min(self.counts), max(self.counts)
        step = max(1.0, (last - first + 1) / width)
        bars = [0] * min(width, last - first + 1)
        for index, count in self.counts.items():
            bars[min(len(bars) - 1, int((index - first) / step))] += count
        edges = [GROWTH ** (first + position * step) for position in range(len(bars) + 1)]
        return [(edges[i], edges[i + 1], bar) for i, bar in enumerate(bars)]
