"""Samples of one metric: percentiles that n values can carry, with failures counted as infinity."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator

RESAMPLES = 1000
"""Bootstrap resamples: the 2.5 % ends then rest on 25 values each."""


class Sample:
    """The values of one metric in one run, ordered once.

    A request that failed has no latency; leaving it out would let a node that fails fast improve the p99.
    So ``failures`` values of +infinity stand behind the measured ones.
    """

    __slots__ = ("_ordered", "failures")

    def __init__(self, values: Iterable[float], *, failures: int = 0) -> None:
        self._ordered = sorted(values)
        self.failures = failures

    def __len__(self) -> int:
        return len(self._ordered) + self.failures

    def __iter__(self) -> Iterator[float]:
        """Every value in order, the failures as infinity at the end."""
        yield from self._ordered
        for _ in range(self.failures):
            yield math.inf

    @property
    def measured(self) -> list[float]:
        """The finite values, ascending; a copy."""
        return list(self._ordered)

    @property
    def minimum(self) -> float:
        return self._at(0)

    @property
    def maximum(self) -> float:
        return self._at(len(self) - 1)

    @property
    def mean(self) -> float:
        """Arithmetic mean; infinite as soon as one request failed. Raises ValueError if empty."""
        if self.failures:
            return math.inf
        if not self._ordered:
            raise ValueError("a sample without values has no mean")
        return math.fsum(self._ordered) / len(self._ordered)

    def percentile(self, q: float) -> float:
        """Nearest-rank percentile, q in (0, 100].

        Raises ValueError if empty: an absent percentile is not zero.
        Source: Hyndman & Fan 1996, definition 1.
        """
        return self._at(rank(len(self), q) - 1)

    def carries(self, q: float) -> bool:
        """Whether there are enough values for this percentile."""
        return carries(len(self), q)

    def interval(self, q: float, rng: random.Random, *, resamples: int = RESAMPLES) -> tuple[float, float]:
        """95 % bootstrap interval of the percentile.

        The k-th smallest of n uniform draws is Beta(k, n - k + 1); drawing that rank directly gives the same
        distribution as resampling all n values, in constant time per resample.
        Source: David & Nagaraja, Order Statistics, section 2.1.
        """
        drawn = sorted(self.resampled(q, rng) for _ in range(resamples))
        return drawn[int(resamples * 0.025)], drawn[min(resamples - 1, int(resamples * 0.975))]

    def resampled(self, q: float, rng: random.Random) -> float:
        """The percentile of one bootstrap resample."""
        count = len(self)
        kth = rank(count, q)
        return self._at(min(count - 1, int(rng.betavariate(kth, count - kth + 1) * count)))

    def _at(self, index: int) -> float:
        if not len(self):
            raise ValueError("a sample without values has no percentile")
        return self._ordered[index] if index < len(self._ordered) else math.inf


def rank(count: int, q: float) -> int:
    """1-based nearest rank of the q-th percentile among ``count`` values."""
    if not 0 < q <= 100:
        raise ValueError(f"a percentile lies in (0, 100], not {q}")
    # Rounded first: 99.9 / 100 * 1000 is 999.0000000000001 in binary, one rank too far.
    return max(1, math.ceil(round(count * q / 100, 9)))


def needed(q: float) -> int:
    """How many values a percentile needs before five lie beyond it: p50 10, p90 50, p99 500, p99.9 5000."""
    return math.ceil(round(500 / (100 - q), 6)) if q < 100 else 1


def carries(count: int, q: float) -> bool:
    """Whether ``count`` values carry the percentile."""
    return count >= needed(q)


def hints_at(count: int, q: float) -> bool:
    """Whether ``count`` values (two beyond it) allow the percentile to be shown with a ``~``."""
    return count >= math.ceil(round(200 / (100 - q), 6))
