"""One client's TCP connection: requests in, responses out, one at a time and in order."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol, cast

import httptools
import msgspec

from llmlb.sim.heads import HeadRecorder

MOST_BODY_BYTES = 64 * 1024 * 1024
_MOST_PIPELINED = 16
_JSON = "application/json"
_HANG_UP_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER with zero seconds: closing sends a reset instead of a proper end."""

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class HeardRequest:
    """One request as it was parsed. headers: names in lower case.  head: exact bytes if heads are recorded."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    is_keep_alive: bool
    is_http10: bool
    head: bytes


class Responder(Protocol):
    """Answers one request and calls ``Connection.finish`` at the end."""

    def abandon(self) -> None:
        """The client is gone before the answer was complete."""

    def resume(self) -> None:
        """The client, who was too slow, has read what was written."""


Application = Callable[[HeardRequest, "Connection"], Responder | None]
"""Starts the answer to a request. None: it was answered at once."""


@dataclass(slots=True)
class _Draft:
    """A request that is still arriving."""

    target: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    head: bytes = b""


class Connection(asyncio.Protocol):
    """Parses requests, hands them to the application, and frames what it answers.

    peers: the open connections, of which this one is a member while it lives.  closed: done when it is over.
    """

    def __init__(self, application: Application, peers: set[Connection], *, records_heads: bool) -> None:
        self._application = application
        self._peers = peers
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._recorder = HeadRecorder() if records_heads else None
        self._draft = _Draft()
        self._queue: deque[HeardRequest] = deque()
        self._current: HeardRequest | None = None
        self._responder: Responder | None = None
        self._transport: asyncio.Transport | None = None
        self._is_chunked = False
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.is_writable = True
        self.quiet_since_s = self._loop.time()

    @property
    def is_idle(self) -> bool:
        """No request is being answered."""
        return self._current is None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(None)
        self._peers.discard(self)
        self._transport = None
        self._queue.clear()
        self._current = None
        responder, self._responder = self._responder, None
        if responder is not None:
            responder.abandon()

    def data_received(self, data: bytes) -> None:
        self.quiet_since_s = self._loop.time()
        if self._recorder is not None:
            self._recorder.feed(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(HTTPStatus.BAD_REQUEST, "The request is not HTTP/1.1 that this engine accepts.")

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True
        if self._responder is not None:
            self._responder.resume()

    # callbacks of the parser

    def on_message_begin(self) -> None:
        self._draft = _Draft()

    def on_url(self, url: bytes) -> None:
        self._draft.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._draft.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._recorder is not None:
            self._draft.head = self._recorder.take_head()
        if self._draft.headers.get("expect", "").lower() == "100-continue":
            self.write_raw(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._draft.body += body
        if len(self._draft.body) > MOST_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request body is too large.")

    def on_message_complete(self) -> None:
        draft = self._draft
        if self._recorder is not None:
            is_chunked = "chunked" in draft.headers.get("transfer-encoding", "").lower()
            self._recorder.skip_body(len(draft.body), is_chunked=is_chunked)
        request = HeardRequest(
            method=self._parser.get_method().decode("latin-1"),
            path=draft.target.partition(b"?")[0].decode("latin-1"),
            headers=draft.headers,
            body=bytes(draft.body),
            is_keep_alive=self._parser.should_keep_alive(),
            is_http10=self._parser.get_http_version() == "1.0",
            head=draft.head,
        )
        self._queue.append(request)
        if len(self._queue) > _MOST_PIPELINED:
            self.hang_up()
        elif self._current is None:
            self._answer_next()

    # what responders use

    def send(
        self,
        status: int,
        body: bytes,
        *,
        content_type: str = _JSON,
        headers: Sequence[Header] = (),
        declared_bytes: int | None = None,
    ) -> None:
        """Writes a whole answer. declared_bytes: another Content-Length than the true one."""
        length = len(body) if declared_bytes is None else declared_bytes
        fields = [("content-type", content_type), ("content-length", str(length)), *headers]
        self.write_raw(self._head(status, fields) + body)

    def open_stream(self, data: bytes = b"", *, content_type: str = "text/event-stream") -> None:
        """Writes the head of an answer that comes in chunks, and its first chunk if there is one."""
        self._is_chunked = self._current is not None and not self._current.is_http10
        fields = [("content-type", content_type), ("cache-control", "no-store")]
        if self._is_chunked:
            fields.append(("transfer-encoding", "chunked"))
        self.write_raw(self._head(HTTPStatus.OK, fields) + self._framed(data))

    def stream(self, data: bytes) -> None:
        self.write_raw(self._framed(data))

    def end_stream(self, data: bytes = b"") -> None:
        """Writes the last chunk and the end of the body."""
        self.write_raw(self._framed(data) + (b"0\r\n\r\n" if self._is_chunked else b""))

    def finish(self) -> None:
        """The answer is complete: closes, or goes on with the next request."""
        request, self._current, self._responder = self._current, None, None
        self.quiet_since_s = self._loop.time()
        if request is not None and not self._keeps_alive(request):
            self.hang_up()
        elif self._queue:
            self._loop.call_soon(self._answer_next)

    def write_raw(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def hang_up(self) -> None:
        """Closes after what was written; inside a chunked body that leaves it truncated."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Closes with a TCP reset, and drops what was not sent yet."""
        if self._transport is not None:
            handle = self._transport.get_extra_info("socket")
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HANG_UP_AT_ONCE)
            self._transport.abort()

    def _answer_next(self) -> None:
        if self._current is None and self._queue and self._transport is not None:
            request = self._current = self._queue.popleft()
            responder = self._application(request, self)
            if self._current is request:
                self._responder = responder

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        error = {"message": message, "type": "invalid_request_error", "code": "bad_request", "param": None}
        body = msgspec.json.encode({"error": error})
        if self._current is None:
            self.send(status, body, headers=[("connection", "close")])
        self.hang_up()

    def _keeps_alive(self, request: HeardRequest) -> bool:
        return request.is_keep_alive and not request.is_http10

    def _head(self, status: int, fields: Sequence[Header]) -> bytes:
        reason = HTTPStatus(status).phrase
        lines = [f"HTTP/1.1 {status} {reason}", "server: llmlb-sim"]
        lines += [f"{name}: {value}" for name, value in fields]
        if self._current is not None and not self._keeps_alive(self._current):
            lines.append("connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _framed(self, data: bytes) -> bytes:
        if not self._is_chunked or not data:
            return data
        return b"%x\r\n%b\r\n" % (len(data), data)
