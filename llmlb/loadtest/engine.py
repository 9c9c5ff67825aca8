"""Sends the requests of a load test and measures them. The only part that touches sockets while it runs."""

from __future__ import annotations

import asyncio
import itertools
import math
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmlb.clock import perf_ns
from llmlb.loadtest.connection import Connection, DialFailed, Pool
from llmlb.loadtest.exchange import Deadlines, Exchange, Expectation
from llmlb.loadtest.record import Asked, Label, Record, Routing, Tokens
from llmlb.loadtest.tally import Tally
from llmlb.loadtest.target import Target
from llmlb.loadtest.taxonomy import Ending
from llmlb.loadtest.text import plain

_PROBE_EVERY_S = 0.02
_SETTLE_AT_ONCE = 16
"""Records made without a pause: about a millisecond, so that no arrival is stamped later than that."""

_CROSSING_NS = 250_000_000
"""How long the news of a closed connection and a request may pass each other on a slow network."""

MAX_ATTEMPTS_TOLD = 1000


@dataclass(frozen=True, slots=True)
class Call:
    """One request to send. Instants are ``clock.perf_ns`` readings.

    scheduled_at_ns: when the plan wants it.  slot_at_ns: when nothing of ours was in its way any more.
    """

    label: Label
    body: bytes
    expected: Expectation
    scheduled_at_ns: int
    slot_at_ns: int
    asked: Asked


@dataclass(frozen=True, slots=True)
class Finished:
    """What a driver needs to know of a request that is over. text: only where it was to be kept."""

    ending: Ending
    ended_at_ns: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Raw:
    """A request that is over, not yet a record. connect_ns: spent dialling.  reconnects: second tries."""

    call: Call
    exchange: Exchange
    connect_ns: int
    reconnects: int


class Side:
    """One target with its connections and the request head that never changes."""

    def __init__(self, target: Target, path: str, *, streamed: bool, connect_s: float) -> None:
        accept = "text/event-stream" if streamed else "application/json"
        kind = (("Content-Type", "application/json"), ("Accept", accept))
        self.target = target
        self.pool = Pool(target, connect_timeout_s=connect_s)
        self._head = target.head(path, method="POST", headers=kind)
        self._tenant_heads = {
            tenant: replace(target, api_key=api_key).head(path, method="POST", headers=kind)
            for tenant, api_key in target.tenant_keys
        }

    def request(self, body: bytes, *, request_id: str, pin: str = "", tenant: str = "") -> bytes:
        head = self._tenant_heads.get(tenant, self._head)
        pinned = f"x-llmlb-pin: {pin}\r\n" if pin else ""
        rest = f"{pinned}x-request-id: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head + rest.encode("latin-1") + body


class Engine:
    """The requests in flight of one run."""

    def __init__(self, sides: Sequence[Side], *, deadlines: Deadlines, run_id: str) -> None:
        self.sides = tuple(sides)
        self.tally = Tally()
        self.records: list[Record] = []
        self.loop_lags_ms: array[float] = array("d")
        self.start_ns = perf_ns()
        self._stopped = False
        self._deadlines = deadlines
        self._run_id = run_id
        self._active: dict[Exchange, Connection] = {}
        self._raw: deque[_Raw] = deque()

    async def perform(self, call: Call, *, pin: str = "") -> Finished:
        """Sends one request and waits until it is over; never raises for what the server does."""
        side = self.sides[call.label.arm]
        request_id = f"{self._run_id}-{call.label.index}"
        request = side.request(call.body, request_id=request_id, pin=pin, tenant=call.label.tenant)
        self.tally.in_flight += 1
        self.tally.scheduled += not call.label.warm_up
        try:
            exchange, connect_ns, reconnects = await self._send(side, request, call.expected)
        finally:
            self.tally.in_flight -= 1
        # The record is made later: where many requests end together, the next ones must leave first.
        self._raw.append(_Raw(call, exchange, connect_ns, reconnects))
        text = exchange.reading.text() if call.expected.keeps_text and exchange.ending.is_ok else ""
        return Finished(exchange.ending, exchange.ended_at_ns, text)

    def settle(self, most: int | None = None) -> None:
        """Makes records of at most ``most`` requests that are over; of all without a limit."""
        count = len(self._raw) if most is None else min(most, len(self._raw))
        for _ in range(count):
            record = self._record(self._raw.popleft())
            self.records.append(record)
            self.tally.add(record)

    async def watch(self) -> None:
        """Ends what has passed a deadline, makes records, notes how late the loop is; run beside the load."""
        due_ns = perf_ns()
        while True:
            due_ns += int(_PROBE_EVERY_S * 1e9)
            await asyncio.sleep(max(0.0, (due_ns - perf_ns()) / 1e9))
            now_ns = perf_ns()
            self.loop_lags_ms.append(max(0.0, (now_ns - due_ns) / 1e6))
            due_ns = max(due_ns, now_ns - int(_PROBE_EVERY_S * 1e9))
            for exchange in list(self._active):
                exchange.check(self._deadlines, now_ns=now_ns)
            while self._raw:
                self.settle(_SETTLE_AT_ONCE)
                await asyncio.sleep(0)

    def is_stopped(self) -> bool:
        """Whether nothing more shall be sent."""
        return self._stopped

    def interrupt(self) -> None:
        """Hangs up on every request in flight; they end as cancelled."""
        self._stopped = True
        now_ns = perf_ns()
        for exchange in list(self._active):
            exchange.fail(Ending.CLIENT_CANCELLED, "the test was stopped", now_ns=now_ns)

    async def until(self, at_ns: int) -> None:
        """Waits for an instant."""
        left_s = (at_ns - perf_ns()) / 1e9
        if left_s > 0:
            await asyncio.sleep(left_s)

    async def aclose(self) -> None:
        for side in self.sides:
            await side.pool.aclose()

    async def _send(self, side: Side, request: bytes, expected: Expectation) -> tuple[Exchange, int, int]:
        """The exchange when it is over, the nanoseconds spent dialling, and the number of second tries."""
        loop = asyncio.get_running_loop()
        exchange = Exchange(expected, loop.create_future())
        first_sent_at_ns, connect_ns, reconnects = 0, 0, 0
        connection = side.pool.idle()
        while True:
            if connection is None:
                dialled_at_ns = perf_ns()
                try:
                    connection = await side.pool.dial()
                except DialFailed as failed:
                    exchange.fail(failed.ending, failed.detail, now_ns=perf_ns())
                    return exchange, connect_ns, reconnects
                connect_ns += perf_ns() - dialled_at_ns
            sent_at_ns = connection.send(exchange, request)
            first_sent_at_ns = first_sent_at_ns or sent_at_ns
            exchange.sent_at_ns = first_sent_at_ns
            await self._outcome(exchange, connection)
            if not (
                connection.served and exchange.was_lost_before_head and _was_closed_meanwhile(exchange, sent_at_ns)
            ):
                return exchange, connect_ns, reconnects
            exchange = Exchange(expected, loop.create_future())
            connection = None
            reconnects += 1

    async def _outcome(self, exchange: Exchange, connection: Connection) -> None:
        self._active[exchange] = connection
        try:
            await exchange.done
        finally:
            del self._active[exchange]
            connection.release(exchange)

    def _record(self, raw: _Raw) -> Record:
        call, exchange = raw.call, raw.exchange
        reading = exchange.reading
        at_ns = reading.content_at_ns
        gaps = array("d", ((later - earlier) / 1e9 for earlier, later in itertools.pairwise(at_ns)))
        return Record(
            label=call.label,
            ending=exchange.ending,
            detail=exchange.detail,
            status=exchange.status,
            scheduled_at_s=(call.scheduled_at_ns - self.start_ns) / 1e9,
            slot_at_s=(call.slot_at_ns - self.start_ns) / 1e9,
            sent_at_s=self._since_start(exchange.sent_at_ns),
            head_at_s=self._since_start(exchange.head_at_ns),
            first_content_at_s=self._since_start(at_ns[0]) if at_ns else None,
            first_answer_at_s=self._since_start(reading.first_answer_at_ns),
            ended_at_s=(exchange.ended_at_ns - self.start_ns) / 1e9,
            connect_s=raw.connect_ns / 1e9,
            content_gaps_s=gaps,
            events=reading.events,
            finish_reason=plain(reading.finish_reason, limit=40),
            tokens=_tokens(exchange),
            asked=call.asked,
            routing=_routing(exchange.headers),
            retry_after_s=_figure(exchange.headers, b"retry-after"),
            usage_fault=reading.usage_fault(max_tokens=call.expected.max_tokens) if exchange.ending.is_ok else "",
            reconnects=raw.reconnects,
        )

    def _since_start(self, at_ns: int) -> float | None:
        return (at_ns - self.start_ns) / 1e9 if at_ns else None


def _was_closed_meanwhile(exchange: Exchange, sent_at_ns: int) -> bool:
    """Whether the server had closed the kept-alive connection before it saw the request: nobody's error.

    A server that took the request and died over it is heard of later than this.
    """
    return exchange.ended_at_ns - sent_at_ns < _CROSSING_NS


def _tokens(exchange: Exchange) -> Tokens:
    reading = exchange.reading
    return Tokens(
        prompt=reading.prompt_tokens or 0,
        completion=reading.events if reading.completion_tokens is None else reading.completion_tokens,
        cached=reading.cached_tokens,
        estimated=reading.completion_tokens is None and reading.events > 0,
    )


def _routing(headers: dict[bytes, bytes]) -> Routing:
    attempts = _figure(headers, b"x-llmlb-attempts") or 1
    return Routing(
        node=_word(headers, b"x-llmlb-node"),
        reason=_word(headers, b"x-llmlb-reason").partition(";")[0].rstrip(),
        request_id=_word(headers, b"x-llmlb-request-id"),
        attempts=int(min(max(attempts, 1), MAX_ATTEMPTS_TOLD)),
        queue_ms=_figure(headers, b"x-llmlb-queue-ms"),
        overhead_ms=_figure(headers, b"x-llmlb-overhead-ms"),
    )


def _word(headers: dict[bytes, bytes], name: bytes) -> str:
    return plain(headers.get(name, b"").decode("utf-8", "replace"), limit=64)


def _figure(headers: dict[bytes, bytes], name: bytes) -> float | None:
    """A header's number; None where it is absent or no figure."""
    try:
        value = float(headers[name])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) and value >= 0 else None
