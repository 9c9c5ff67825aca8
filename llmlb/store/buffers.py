"""What waits to be written behind: filled on the event loop, emptied by the store's thread, bounded."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from llmlb.core.record import ExchangeRecord
from llmlb.store.rows import BodyRow, EventRow, NodeCounters

T = TypeVar("T")

BUFFERED_ROWS = 20_000
"""Per kind: some seconds of a busy router; at about 1 KiB a record that is 20 MiB."""


BUFFERED_BODY_BYTES = 64 * 1024 * 1024
"""Prompts and completions that wait; their records need not wait for them, and are worth more."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was taken out of the buffers to be written in one transaction."""

    requests: tuple[ExchangeRecord, ...] = ()
    events: tuple[EventRow, ...] = ()
    counters: tuple[NodeCounters, ...] = ()
    bodies: tuple[BodyRow, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requests or self.events or self.counters or self.bodies)


class Buffers:
    """Request records, bodies, events and counters on their way to the file. Adding never waits and never fails.

    When there is no room the oldest rows go, and are counted: the newest are what an operator asks for. Of
    counters only the latest of each node is kept, since they are totals.
    """

    def __init__(self, limit: int = BUFFERED_ROWS, *, body_limit_bytes: int = BUFFERED_BODY_BYTES) -> None:
        self._limit = limit
        self._body_limit_bytes = body_limit_bytes
        self._lock = threading.Lock()
        self._requests: deque[ExchangeRecord] = deque()
        self._events: deque[EventRow] = deque()
        self._counters: dict[str, NodeCounters] = {}
        self._bodies: deque[BodyRow] = deque()
        self._body_bytes = 0
        self.dropped_requests = 0
        self.dropped_bodies = 0
        self.dropped_events = 0
        self.dropped_counters = 0

    def __len__(self) -> int:
        return len(self._requests) + len(self._events) + len(self._counters) + len(self._bodies)

    def add_requests(self, records: Iterable[ExchangeRecord]) -> None:
        """They are complete: nobody changes them any more."""
        with self._lock:
            self._requests.extend(records)
            self.dropped_requests += _shrink(self._requests, self._limit)

    def add_bodies(self, rows: Iterable[BodyRow]) -> None:
        with self._lock:
            for row in rows:
                self._bodies.append(row)
                self._body_bytes += row.size_bytes
            self._shrink_bodies()

    def add_events(self, rows: Iterable[EventRow]) -> None:
        with self._lock:
            self._events.extend(rows)
            self.dropped_events += _shrink(self._events, self._limit)

    def add_counters(self, rows: Iterable[NodeCounters]) -> None:
        with self._lock:
            for row in rows:
                if row.id not in self._counters and len(self._counters) >= self._limit:
                    self.dropped_counters += 1
                else:
                    self._counters[row.id] = row

    def forget_counters(self, node_id: str) -> None:
        """The node was deleted: what it still had to say is not written."""
        with self._lock:
            self._counters.pop(node_id, None)

    def take(self) -> Batch:
        with self._lock:
            counters = tuple(self._counters.values())
            batch = Batch(tuple(self._requests), tuple(self._events), counters, tuple(self._bodies))
            self._requests.clear()
            self._events.clear()
            self._counters.clear()
            self._bodies.clear()
            self._body_bytes = 0
            return batch

    def put_back(self, batch: Batch) -> None:
        """Returns a batch that could not be written yet, in front of what came since."""
        with self._lock:
            self._requests.extendleft(reversed(batch.requests))
            self.dropped_requests += _shrink(self._requests, self._limit)
            self._events.extendleft(reversed(batch.events))
            self.dropped_events += _shrink(self._events, self._limit)
            for row in batch.counters:
                self._counters.setdefault(row.id, row)
            self._bodies.extendleft(reversed(batch.bodies))
            self._body_bytes += sum(row.size_bytes for row in batch.bodies)
            self._shrink_bodies()

    def give_up(self, batch: Batch) -> None:
        """Counts records as lost; counters stay, for they are totals and will be written later."""
        with self._lock:
            self.dropped_requests += len(batch.requests)
            self.dropped_events += len(batch.events)
            self.dropped_bodies += len(batch.bodies)
            for row in batch.counters:
                self._counters.setdefault(row.id, row)

    def _shrink_bodies(self) -> None:
        while self._body_bytes > self._body_limit_bytes or len(self._bodies) > self._limit:
            self._body_bytes -= self._bodies.popleft().size_bytes
            self.dropped_bodies += 1


def _shrink(rows: deque[T], limit: int) -> int:
    excess = max(0, len(rows) - limit)
    for _ in range(excess):
        rows.popleft()
    return excess
