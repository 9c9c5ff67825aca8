"""The memory of recent requests, and what waits for the store."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import attrgetter

from llmlb.core.record import EVERY_RECORD, ExchangeOutcome, ExchangeRecord, RecordFilter
from llmlb.telemetry.alike import alike, attempts_of, by_second, completion_tokens_of, summed, total_s_of, ttft_s_of
from llmlb.telemetry.rates import Count, FleetRates, Flow, RateBook, TrafficRate

RECENT_RECORDS = 2_000
BATCH_RECORDS = 20_000
"""Records that wait for the store; a minute of heavy traffic. Beyond it the oldest are given up and counted."""
UNCOUNTED_RECORDS = 256
"""Counted together at the latest, which is cheaper than one by one."""
BODY_BATCH_BYTES = 64 * 1024 * 1024
"""Prompts and completions that wait for the store. Beyond it the oldest are given up and counted."""


_WHAT = attrgetter("model", "node_id", "outcome")
_ANSWERED, _REFUSED = ExchangeOutcome.ANSWERED, ExchangeOutcome.REFUSED
"""Looking up a member of an enumeration takes longer than counting it."""


@dataclass(frozen=True, slots=True)
class RecordedBody:
    """What was said in one request, on its way to the store."""

    request_id: str
    at_unix_s: float
    prompt: bytes | None = field(repr=False)
    answer: bytes | None = field(repr=False)

    @property
    def size_bytes(self) -> int:
        return len(self.prompt or b"") + len(self.answer or b"")


class RequestLog:
    """The last requests, those that wait for the store, and how many come a second. Memory is bounded.

    takers: who else counts records. They get them in batches too, each record once.
    """

    def __init__(
        self,
        *,
        capacity: int = RECENT_RECORDS,
        batch_limit: int = BATCH_RECORDS,
        body_limit_bytes: int = BODY_BATCH_BYTES,
        takers: Sequence[Callable[[Sequence[ExchangeRecord]], None]] = (),
    ) -> None:
        self.dropped = 0
        """Records that never reached the store because nobody took them in time."""
        self.dropped_bodies = 0
        """Prompts and completions that were given up likewise."""
        self.gone_until_unix_s = 0.0
        """Of the requests that arrived until then, some are not here any more."""
        self._takers = takers
        self._recent: deque[ExchangeRecord] = deque(maxlen=capacity)
        self._batch: deque[ExchangeRecord] = deque(maxlen=batch_limit)
        self._bodies: deque[RecordedBody] = deque()
        self._body_bytes = 0
        self._body_limit_bytes = body_limit_bytes
        self._uncounted: list[ExchangeRecord] = []
        self._book = RateBook()

    def __len__(self) -> int:
        self.count()
        return len(self._recent)

    def add(self, record: ExchangeRecord) -> None:
        """Take the record of an exchange that has just ended. O(1); call it once, after ``record`` is complete."""
        self._uncounted.append(record)
        if len(self._uncounted) >= UNCOUNTED_RECORDS:
            self.count()

    def count(self) -> None:
        """Enter what was added since the last call everywhere. Call it a few times a second; all who read here do."""
        records, self._uncounted = self._uncounted, []
        if not records:
            return
        self._remember(records)
        self._tally(records)
        for take in self._takers:
            take(records)

    def recent(self, limit: int = 100, filters: RecordFilter = EVERY_RECORD) -> list[ExchangeRecord]:
        """The newest records that pass, newest first."""
        self.count()
        found: list[ExchangeRecord] = []
        for record in reversed(self._recent):
            if len(found) >= limit:
                break
            if filters.admits(record):
                found.append(record)
        return found

    def get(self, record_id: str) -> ExchangeRecord | None:
        """O(n): people ask for one record now and then, while requests end all the time."""
        self.count()
        return next((record for record in reversed(self._recent) if record.id == record_id), None)

    def take_batch(self) -> list[ExchangeRecord]:
        """Everything added since the last call, oldest first: hand it to the store."""
        self.count()
        batch = list(self._batch)
        self._batch.clear()
        return batch

    def take_bodies(self) -> list[RecordedBody]:
        """What was said in the requests added since the last call, as far as it is recorded."""
        self.count()
        bodies = list(self._bodies)
        self._bodies.clear()
        self._body_bytes = 0
        return bodies

    def rates(self, now_s: float) -> FleetRates:
        """The whole fleet's traffic of the last seconds, for the console's header."""
        self.count()
        return self._book.rates(int(now_s))

    def rates_by_model(self, now_s: float) -> Mapping[str, TrafficRate]:
        """Models with traffic in the last minute."""
        self.count()
        return self._book.models.rates(int(now_s))

    def rates_by_node(self, now_s: float) -> Mapping[str, TrafficRate]:
        """Nodes with traffic in the last minute; every attempt counts for the node it was made on."""
        self.count()
        return self._book.nodes.rates(int(now_s))

    def flows_by_model(self, now_s: float) -> Mapping[str, Flow]:
        """Models that have traffic now."""
        self.count()
        return self._book.models.flows(int(now_s))

    def flows_by_node(self, now_s: float) -> Mapping[str, Flow]:
        """Nodes that have traffic now; every attempt counts for the node it was made on."""
        self.count()
        return self._book.nodes.flows(int(now_s))

    def _remember(self, records: Sequence[ExchangeRecord]) -> None:
        recent, batch = self._recent, self._batch
        surplus = len(recent) + len(records) - (recent.maxlen or 0)
        if surplus > 0:
            gone = islice(chain(recent, records), surplus)
            self.gone_until_unix_s = max(self.gone_until_unix_s, *[record.at_unix_s for record in gone])
        recent.extend(records)
        self.dropped += max(0, len(batch) + len(records) - (batch.maxlen or 0))
        batch.extend(records)

    def _take_out(self, record: ExchangeRecord) -> None:
        body = RecordedBody(record.id, record.at_unix_s, record.prompt, record.answer)
        record.prompt = record.answer = None
        self._bodies.append(body)
        self._body_bytes += body.size_bytes
        while self._body_bytes > self._body_limit_bytes:
            self._body_bytes -= self._bodies.popleft().size_bytes
            self.dropped_bodies += 1

    def _tally(self, records: Sequence[ExchangeRecord]) -> None:
        """Put records into the book. Most share what they are counted by with others, and are entered together."""
        book = self._book
        totals_s: list[float] = []
        ttfts_s: list[float] = []
        for record in records:
            if record.prompt is not None or record.answer is not None:
                self._take_out(record)
        for record in filter(attempts_of, records):
            for attempt in record.attempts:
                if attempt.cause and attempt.node_id != record.node_id:
                    book.nodes.add(int(record.ended_at_s), attempt.node_id, Count(1, 1))
        for (model, node_id, outcome), same in alike(records, _WHAT).items():
            if outcome is _ANSWERED:
                totals_s += map(total_s_of, same)
                ttfts_s += [ttft_s for ttft_s in map(ttft_s_of, same) if ttft_s is not None]
            for second, part in by_second(same):
                errors = 0 if outcome is _ANSWERED else sum(record.is_error for record in part)
                count = Count(len(part), errors, summed(map(completion_tokens_of, part)))
                book.add(second, count, model="" if outcome is _REFUSED else model, node_id=node_id)
        book.add_durations(int(records[-1].ended_at_s), totals_s, ttfts_s)
