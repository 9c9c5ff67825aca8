"""An HTTP/1.1 client connection that costs microseconds per event.

Everything a load test measures is stamped when its bytes arrive: one clock reading per read of the socket, no
task, queue or future per event.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Protocol, cast

import httptools

from llmlb.clock import perf_ns
from llmlb.loadtest.target import Target
from llmlb.loadtest.taxonomy import Ending, ending_of_dial
from llmlb.loadtest.text import plain

MAX_HEAD_BYTES = 64 * 1024
IDLE_LIMIT_NS = 3_000_000_000
"""An idle connection older than this is not used again: engines close theirs after 5 s."""


class Receiver(Protocol):
    """Who takes the bytes of one response. Instants are ``clock.perf_ns`` readings."""

    @property
    def is_over(self) -> bool: ...

    def head(self, status: int, headers: dict[bytes, bytes], *, now_ns: int) -> None: ...

    def body(self, data: bytes, *, now_ns: int) -> None: ...

    def complete(self, *, now_ns: int) -> None: ...

    def fail(self, ending: Ending, detail: str, *, now_ns: int) -> None: ...

    def lost(self, detail: str, *, now_ns: int) -> None: ...


class DialFailed(Exception):
    """No connection could be made; nothing was sent."""

    def __init__(self, ending: Ending, detail: str) -> None:
        super().__init__(detail)
        self.ending = ending
        self.detail = detail


class Connection(asyncio.Protocol):
    """One connection, one response at a time."""

    __slots__ = ("_framed", "_head_bytes", "_headers", "_in_head", "_now_ns", "_parser", "_pool", "_receiver",
                 "_transport", "idle_since_ns", "served")  # fmt: skip

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._receiver: Receiver | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._in_head = True
        self._framed = False
        self._head_bytes = 0
        self._now_ns = 0
        self.idle_since_ns = 0
        self.served = 0

    def send(self, receiver: Receiver, request: bytes) -> int:
        """Hands a whole request to the socket and its response to the receiver; returns the instant in ns."""
        if self._transport is None:
            raise RuntimeError("the connection is not open")
        self._receiver = receiver
        self._in_head = True
        self._head_bytes = 0
        now_ns = perf_ns()
        self._transport.write(request)
        return now_ns

    def release(self, receiver: Receiver) -> None:
        """Closes the connection unless the receiver's response was read to its end."""
        if self._receiver is receiver:
            self.abort()

    def abort(self) -> None:
        """Closes at once, without a word to whoever was waiting."""
        self._receiver = None
        self._pool.forget(self)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an isinstance check: uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._pool.joined(self)

    def data_received(self, data: bytes) -> None:
        receiver = self._receiver
        if receiver is None:
            self.abort()
            return
        self._now_ns = perf_ns()
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES + len(data):
                self._break(Ending.BAD_SSE, "the response head is larger than 64 KiB")
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._break(Ending.BAD_SSE, "the server switched protocols")
        except httptools.HttpParserError as error:
            self._break(Ending.BAD_SSE, f"the response is not HTTP: {plain(str(error))}")
        if receiver.is_over:
            self.release(receiver)

    def connection_lost(self, exc: Exception | None) -> None:
        receiver, self._receiver = self._receiver, None
        self._transport = None
        self._pool.left(self)
        if receiver is None or receiver.is_over:
            return
        if not self._in_head and not self._framed and exc is None:
            receiver.complete(now_ns=perf_ns())
            return
        receiver.lost(plain(str(exc)) if exc else "the server closed the connection", now_ns=perf_ns())

    def _break(self, ending: Ending, detail: str) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None and not receiver.is_over:
            receiver.fail(ending, detail, now_ns=self._now_ns)
        self.abort()

    # Called by the parser, in the order of the bytes.

    def on_message_begin(self) -> None:
        self._headers = {}
        self._framed = False
        if self._receiver is None:
            # Bytes after the end of a response belong to nobody; the next request must not read them.
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self._headers[name] = value
        if name in (b"content-length", b"transfer-encoding"):
            self._framed = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self._receiver is None:
            return
        self._in_head = False
        self._receiver.head(status, self._headers, now_ns=self._now_ns)

    def on_body(self, data: bytes) -> None:
        if self._receiver is not None:
            self._receiver.body(data, now_ns=self._now_ns)

    def on_message_complete(self) -> None:
        if self._in_head or self._receiver is None:
            return
        receiver, self._receiver = self._receiver, None
        self.served += 1
        keep = self._parser.should_keep_alive() and not receiver.is_over
        receiver.complete(now_ns=self._now_ns)
        if keep:
            self.idle_since_ns = self._now_ns
            self._pool.rest(self)
        else:
            self.abort()


class Pool:
    """The connections to one target: idle ones are reused, newest first."""

    def __init__(self, target: Target, *, connect_timeout_s: float) -> None:
        self._origin = target.origin
        self._tls = target.tls_context()
        self._connect_timeout_s = connect_timeout_s
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._all_closed = asyncio.Event()
        self.opened = 0

    def idle(self) -> Connection | None:
        """A connection that can be used again, or None."""
        oldest_ns = perf_ns() - IDLE_LIMIT_NS
        while self._idle:
            connection = self._idle.pop()
            if connection.idle_since_ns >= oldest_ns:
                return connection
            connection.abort()
        return None

    async def dial(self) -> Connection:
        """A new connection. Raises DialFailed."""
        loop = asyncio.get_running_loop()
        origin = self._origin
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(self),
                    origin.host,
                    origin.port,
                    ssl=self._tls,
                    server_hostname=origin.host if self._tls else None,
                )
        except (OSError, ssl.SSLError, UnicodeError) as error:
            raise DialFailed(ending_of_dial(error), _dial_detail(error, self._connect_timeout_s)) from None
        self.opened += 1
        return connection

    async def aclose(self) -> None:
        """Closes every connection and waits until the loop has let go of them, at most 2 s."""
        for connection in list(self._open):
            connection.abort()
        if not self._open:
            return
        self._all_closed.clear()
        try:
            async with asyncio.timeout(2):
                await self._all_closed.wait()
        except TimeoutError:
            return

    def joined(self, connection: Connection) -> None:
        self._open.add(connection)

    def left(self, connection: Connection) -> None:
        self._open.discard(connection)
        self.forget(connection)
        if not self._open:
            self._all_closed.set()

    def forget(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def rest(self, connection: Connection) -> None:
        self._idle.append(connection)


def _dial_detail(error: BaseException, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no connection within {timeout_s:g} s"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and (error.errno or 0) > 0:
        return os.strerror(error.errno or 0)
    return plain(getattr(error, "strerror", None) or str(error) or type(error).__name__)
