"""Running figures of a load test, for those who watch: cheap to keep, exact enough to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from llmlb.loadtest.histogram import Histogram
from llmlb.loadtest.record import Record
from llmlb.loadtest.taxonomy import Ending


@dataclass(frozen=True, slots=True)
class Quick:
    """Percentiles of a running histogram in ms, None while nothing was measured."""

    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    maximum: float | None = None

    @staticmethod
    def of(histogram: Histogram) -> Quick:
        if not len(histogram):
            return Quick()
        p50, p90, p99, most = (histogram.percentile(q) for q in (50, 90, 99, 100))
        return Quick(p50, p90, p99, most)


@dataclass(frozen=True, slots=True)
class Part:
    """What one node or tenant did so far."""

    name: str
    requests: int
    failed: int
    ttft_ms: Quick


@dataclass(frozen=True, slots=True)
class Progress:
    """One look at a running load test.

    planned: requests in all, None if only a duration is known.  ended: records since the last look.  The rates
    cover the time since the last look.
    """

    phase: str
    elapsed_s: float
    planned: int | None
    planned_s: float | None
    scheduled: int
    done: int
    ok: int
    failed: int
    in_flight: int
    ok_per_s: float
    tokens_per_s: float
    ttft_ms: Quick
    e2e_ms: Quick
    endings: dict[Ending, int]
    reasons: dict[str, int]
    nodes: tuple[Part, ...]
    tenants: tuple[Part, ...]
    retries: int
    ttft_bars: tuple[tuple[float, float, int], ...]
    ended: tuple[Record, ...]
    lag_ms: float


@dataclass(frozen=True, slots=True)
class Expected:
    """How far the current phase shall go."""

    phase: str = ""
    planned: int | None = None
    planned_s: float | None = None


class _Running:
    """The figures of one node or tenant."""

    def __init__(self) -> None:
        self._requests = 0
        self._failed = 0
        self._ttft_ms = Histogram()

    def add(self, record: Record) -> None:
        self._requests += 1
        self._failed += record.ending.is_failure
        if record.ttft_s is not None:
            self._ttft_ms.add(record.ttft_s * 1000)

    def look(self, name: str) -> Part:
        return Part(name, self._requests, self._failed, Quick.of(self._ttft_ms))


class Tally:
    """Counts records as they end."""

    def __init__(self) -> None:
        self.expected = Expected()
        self.scheduled = 0
        self.in_flight = 0
        self._ttft_ms = Histogram()
        self._e2e_ms = Histogram()
        self._lag_ms = Histogram()
        self._endings: Counter[Ending] = Counter()
        self._reasons: Counter[str] = Counter()
        self._nodes: dict[str, _Running] = {}
        self._tenants: dict[str, _Running] = {}
        self._retries = 0
        self._tokens = 0
        self._fresh: list[Record] = []
        self._looked_at_s = 0.0
        self._seen_ok = 0
        self._seen_tokens = 0

    def expect(self, *, nodes: Iterable[str] = (), tenants: Iterable[str] = ()) -> None:
        """Names who could take part: a node that gets nothing is worth a look too."""
        for names, parts in ((nodes, self._nodes), (tenants, self._tenants)):
            for name in names:
                parts.setdefault(name, _Running())

    def add(self, record: Record) -> None:
        self._fresh.append(record)
        if record.label.warm_up:
            return
        self._endings[record.ending] += 1
        self._retries += record.routing.attempts - 1
        self._tokens += record.tokens.completion
        ttft_s = record.ttft_s
        if record.ending.is_ok:
            self._e2e_ms.add(record.e2e_s * 1000)
            if ttft_s is not None:
                self._ttft_ms.add(ttft_s * 1000)
        if record.lag_s is not None:
            self._lag_ms.add(record.lag_s * 1000)
        if record.routing.reason:
            self._reasons[record.routing.reason] += 1
        for name, parts in ((record.routing.node, self._nodes), (record.label.tenant, self._tenants)):
            if name:
                parts.setdefault(name, _Running()).add(record)

    def look(self, now_s: float) -> Progress:
        """The figures now; the next look counts its rates from here. now_s: since the start of the run."""
        ok = sum(count for ending, count in self._endings.items() if ending.is_ok)
        passed_s = max(1e-9, now_s - self._looked_at_s)
        progress = Progress(
            phase=self.expected.phase,
            elapsed_s=now_s,
            planned=self.expected.planned,
            planned_s=self.expected.planned_s,
            scheduled=self.scheduled,
            done=self._endings.total(),
            ok=ok,
            failed=sum(count for ending, count in self._endings.items() if ending.is_failure),
            in_flight=self.in_flight,
            ok_per_s=(ok - self._seen_ok) / passed_s,
            tokens_per_s=(self._tokens - self._seen_tokens) / passed_s,
            ttft_ms=Quick.of(self._ttft_ms),
            e2e_ms=Quick.of(self._e2e_ms),
            endings=dict(self._endings),
            reasons=dict(self._reasons),
            nodes=tuple(self._nodes[name].look(name) for name in sorted(self._nodes)),
            tenants=tuple(part.look(name) for name, part in self._tenants.items()),
            retries=self._retries,
            ttft_bars=tuple(self._ttft_ms.bars(24)),
            ended=tuple(self._fresh),
            lag_ms=self._lag_ms.percentile(99) if len(self._lag_ms) else 0.0,
        )
        self._looked_at_s, self._seen_ok, self._seen_tokens = now_s, ok, self._tokens
        self._fresh = []
        return progress
