"""How fast requests come and go: rings of one-second counts, and percentiles of the last minute.

All instants are whole monotonic seconds. A rate looks at seconds that are over, so it never dips because the present
one has just begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, exp, log
from typing import NamedTuple

from llmlb.telemetry.histogram import count_into

MINUTE_S = 60
RATE_WINDOW_S = 10
"""Requests a second are the mean of ten: short enough to follow a load test, long enough to be read."""
SLOTS = MINUTE_S + 1
"""A minute of complete seconds and the one that runs."""
MAX_RINGS = 2_000
"""Models, and nodes, counted one by one within a minute; both are capped far below elsewhere."""

_SLICE_S = 10
_SLICES = MINUTE_S // _SLICE_S
_SHORTEST_S = 0.0005
_LONGEST_S = 3600.0
_BUCKETS_PER_LOG = 1 / log(1.05)
"""Buckets 5 % apart: a percentile is off by 2.5 % at most."""
_LOWEST = log(_SHORTEST_S) * _BUCKETS_PER_LOG
_BUCKETS = ceil(log(_LONGEST_S) * _BUCKETS_PER_LOG - _LOWEST)
_BOUNDS_S = [exp((_LOWEST + bucket) / _BUCKETS_PER_LOG) for bucket in range(1, _BUCKETS)]
"""What divides one bucket from the next: a search among 300 takes less time than a logarithm in Python."""


@dataclass(frozen=True, slots=True)
class TrafficRate:
    """What goes through one model or node. Per second: mean of the last 10 s. minute_*: sums of the last 60 s."""

    requests_per_s: float
    tokens_per_s: float
    minute_requests: int
    minute_errors: int
    minute_tokens: int

    @property
    def error_percent(self) -> float:
        return 100.0 * self.minute_errors / self.minute_requests if self.minute_requests else 0.0


class Flow(NamedTuple):
    """What goes through one model or node now: means of the last 10 s."""

    requests_per_s: float
    tokens_per_s: float


@dataclass(frozen=True, slots=True)
class FleetRates:
    """The whole fleet's traffic. Seconds are of answered requests of the last minute; None when there were none."""

    traffic: TrafficRate
    mean_s: float | None
    p50_s: float | None
    p95_s: float | None
    ttft_p50_s: float | None
    ttft_p95_s: float | None


@dataclass(slots=True)
class Count:
    """Requests that ended within one second."""

    requests: int = 0
    errors: int = 0
    tokens: int = 0


class RateRing:
    """One-second counts of the last minute. Counting touches the running second only; a turn of the second files it."""

    __slots__ = (
        "_errors",
        "_past_errors",
        "_past_requests",
        "_past_tokens",
        "_requests",
        "_second",
        "_tokens",
        "counted",
    )

    def __init__(self, second: int) -> None:
        self._second = second
        self.counted = second
        self._requests = self._errors = self._tokens = 0
        self._past_requests = [0] * SLOTS
        self._past_errors = [0] * SLOTS
        self._past_tokens = [0] * SLOTS

    def add(self, second: int, count: Count) -> None:
        """Count the requests of one second, not earlier than the last."""
        if second != self._second:
            self._advance(second)
        self.counted = second
        self._requests += count.requests
        self._errors += count.errors
        self._tokens += count.tokens

    def is_idle(self, second: int) -> bool:
        """Nothing was counted within the last minute."""
        return second - self.counted > MINUTE_S

    def flow(self, second: int) -> Flow:
        """As ``rate``, but only what is looked at every second."""
        if second != self._second:
            self._advance(second)
        first, end = (second - RATE_WINDOW_S) % SLOTS, second % SLOTS
        requests, tokens = self._past_requests, self._past_tokens
        if first > end:
            return Flow(
                (sum(requests[first:]) + sum(requests[:end])) / RATE_WINDOW_S,
                (sum(tokens[first:]) + sum(tokens[:end])) / RATE_WINDOW_S,
            )
        return Flow(sum(requests[first:end]) / RATE_WINDOW_S, sum(tokens[first:end]) / RATE_WINDOW_S)

    def rate(self, second: int) -> TrafficRate:
        self._advance(second)
        return TrafficRate(
            requests_per_s=self._sum(self._past_requests, second, RATE_WINDOW_S) / RATE_WINDOW_S,
            tokens_per_s=self._sum(self._past_tokens, second, RATE_WINDOW_S) / RATE_WINDOW_S,
            minute_requests=self._sum(self._past_requests, second, MINUTE_S),
            minute_errors=self._sum(self._past_errors, second, MINUTE_S),
            minute_tokens=self._sum(self._past_tokens, second, MINUTE_S),
        )

    def _advance(self, second: int) -> None:
        """File the running second and begin another; seconds without a count in between are zeros."""
        if second <= self._second:
            return
        slot = self._second % SLOTS
        self._past_requests[slot] = self._requests
        self._past_errors[slot] = self._errors
        self._past_tokens[slot] = self._tokens
        for silent in range(max(self._second + 1, second - SLOTS), second):
            slot = silent % SLOTS
            self._past_requests[slot] = self._past_errors[slot] = self._past_tokens[slot] = 0
        self._requests = self._errors = self._tokens = 0
        self._second = second

    def _sum(self, counts: list[int], second: int, window_s: int) -> int:
        first, end = (second - window_s) % SLOTS, second % SLOTS
        if first < end:
            return sum(counts[first:end])
        return sum(counts[first:]) + sum(counts[:end])


class LatencyWindow:
    """Percentiles of the durations of the last minute, in log buckets: six slices of ten seconds each."""

    __slots__ = ("_counts", "_periods", "_present", "_present_period", "_sums_s")

    def __init__(self) -> None:
        self._counts = [[0] * _BUCKETS for _ in range(_SLICES)]
        self._sums_s = [0.0] * _SLICES
        self._periods = [-1] * _SLICES
        self._present_period = -1
        self._present = self._counts[0]

    def add(self, second: int, values_s: Sequence[float]) -> None:
        """Take the durations that ended within one second."""
        period = second // _SLICE_S
        if period != self._present_period:
            self._begin(period)
        count_into(self._present, _BOUNDS_S, values_s)
        self._sums_s[period % _SLICES] += sum(values_s)

    def _begin(self, period: int) -> None:
        index = period % _SLICES
        if self._periods[index] != period:
            self._periods[index] = period
            self._counts[index] = [0] * _BUCKETS
            self._sums_s[index] = 0.0
        self._present_period = period
        self._present = self._counts[index]

    def mean_s(self, second: int) -> float | None:
        live = self._live(second)
        count = sum(sum(self._counts[index]) for index in live)
        return sum(self._sums_s[index] for index in live) / count if count else None

    def percentiles_s(self, second: int, *quantiles: float) -> list[float | None]:
        """The durations at these quantiles, each in (0, 1]; None where nothing was measured."""
        live = self._live(second)
        merged = [sum(column) for column in zip(*(self._counts[index] for index in live), strict=True)]
        running = list(accumulate(merged))
        if not running or not running[-1]:
            return [None] * len(quantiles)
        return [_bucket_s(_first_at_least(running, ceil(q * running[-1]))) for q in quantiles]

    def _live(self, second: int) -> list[int]:
        oldest = second // _SLICE_S - _SLICES + 1
        return [index for index in range(_SLICES) if self._periods[index] >= oldest]


def _first_at_least(running: list[int], rank: int) -> int:
    return next(index for index, total in enumerate(running) if total >= rank)


def _bucket_s(bucket: int) -> float:
    """The middle of a bucket on the logarithmic scale."""
    return exp((_LOWEST + bucket + 0.5) / _BUCKETS_PER_LOG)


class RateRings:
    """Rings by name. Those idle for a minute are forgotten, so names that are gone cost nothing."""

    __slots__ = ("_rings", "_swept")

    def __init__(self) -> None:
        self._rings: dict[str, RateRing] = {}
        self._swept = -1

    def __len__(self) -> int:
        return len(self._rings)

    def add(self, second: int, name: str, count: Count) -> None:
        """Count the requests of one second. Beyond ``MAX_RINGS`` names within a minute, new ones are not counted."""
        ring = self._rings.get(name)
        if ring is None:
            if len(self._rings) >= MAX_RINGS:
                self._sweep(second)
                if len(self._rings) >= MAX_RINGS:
                    return
            ring = self._rings[name] = RateRing(second)
        ring.add(second, count)

    def rates(self, second: int) -> dict[str, TrafficRate]:
        self._sweep(second)
        return {name: ring.rate(second) for name, ring in self._rings.items()}

    def flows(self, second: int) -> dict[str, Flow]:
        """Only the names that something went through in the last 10 s. 1,000 of them take about 3 ms."""
        since = second - RATE_WINDOW_S
        return {name: ring.flow(second) for name, ring in self._rings.items() if ring.counted >= since}

    def _sweep(self, second: int) -> None:
        if second == self._swept:
            return
        self._swept = second
        for name in [name for name, ring in self._rings.items() if ring.is_idle(second)]:
            del self._rings[name]


class RateBook:
    """All that is counted by the second: the fleet, its models, its nodes, and the fleet's latencies."""

    def __init__(self) -> None:
        self.models = RateRings()
        self.nodes = RateRings()
        self.fleet = RateRing(0)
        self.total = LatencyWindow()
        self.ttft = LatencyWindow()

    def add(self, second: int, count: Count, *, model: str, node_id: str) -> None:
        """Count what ended within one second. model, node_id: "" where it was none, or none that may be named.

        A model that nobody serves may be any text that a client cares to send.
        """
        self.fleet.add(second, count)
        if model:
            self.models.add(second, model, count)
        if node_id:
            self.nodes.add(second, node_id, count)

    def add_durations(self, second: int, totals_s: Sequence[float], ttfts_s: Sequence[float]) -> None:
        """Take the durations of answers that ended by then, since the last call."""
        if totals_s:
            self.total.add(second, totals_s)
        if ttfts_s:
            self.ttft.add(second, ttfts_s)

    def rates(self, second: int) -> FleetRates:
        p50_s, p95_s = self.total.percentiles_s(second, 0.5, 0.95)
        ttft_p50_s, ttft_p95_s = self.ttft.percentiles_s(second, 0.5, 0.95)
        return FleetRates(self.fleet.rate(second), self.total.mean_s(second), p50_s, p95_s, ttft_p50_s, ttft_p95_s)
