"""The client's socket. Every head is parsed strictly before anything else is decided.

A plain data-plane request becomes an ``Exchange`` right here, without a task. Everything else (the control plane,
chunked request bodies, ``Expect``) is handed to uvicorn byte for byte, message by message, so that the next head on the
connection is checked too. ``server.fast_path = false`` sends the data plane the same way, through ``asgi.py``.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from enum import Enum, auto
from functools import partial
from typing import Any, ClassVar

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from llmlb.auth.principals import Denial
from llmlb.clock import monotonic_s, unix_s
from llmlb.proxy import replies
from llmlb.proxy.chunked import BadChunk, ChunkScanner
from llmlb.proxy.deframe import Deframer
from llmlb.proxy.exchange import Exchange
from llmlb.proxy.head import HeadProblem, RequestHead, parse_head
from llmlb.proxy.plane import DataPlane
from llmlb.proxy.replies import Reply
from llmlb.proxy.template import ENDPOINTS, RequestTemplate, digest

_log = logging.getLogger(__name__)

MAX_PIPELINED_BYTES = 65_536
_NEVER = float("inf")
_NO_PREFIX = b"\0"
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""Makes a close a reset, which drops what has not been sent yet."""


class Reading(Enum):
    """What the next bytes of the client are."""

    HEAD = auto()
    BODY = auto()
    """The body of a data-plane request."""
    PASSED_ON = auto()
    """The body of a message that uvicorn handles."""
    BUSY = auto()
    """A response is under way: what comes now belongs to the next request."""


_HEAD, _BODY, _PASSED_ON, _BUSY = Reading.HEAD, Reading.BODY, Reading.PASSED_ON, Reading.BUSY
"""Looking up a member of an enumeration takes longer than the comparison."""


class WireClient:
    """The client of an exchange, on our own socket."""

    __slots__ = ("address", "break_off", "end", "keeps_alive", "write")

    def __init__(self, protocol: RouterProtocol) -> None:
        self.keeps_alive = True
        self.address = protocol.client[0] if protocol.client else ""
        self.write = partial(protocol.plane.writes.write, protocol.transport)
        self.end = protocol.exchange_ended
        self.break_off = protocol.break_off


class OldWireClient:
    """The same for HTTP/1.0, which knows no chunks: the end of the connection ends the answer."""

    keeps_alive = False

    def __init__(self, protocol: RouterProtocol) -> None:
        self._protocol = protocol
        self.address = protocol.client[0] if protocol.client else ""
        self._deframer = Deframer(self)

    def write(self, data: bytes) -> None:
        self._deframer.feed(data)

    def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        lines = b"".join(b"%b: %b\r\n" % field for field in fields)
        line = b"HTTP/1.1 %d %b\r\n" % (status, replies.status_phrase(status))
        self._protocol.transport.write(line + lines + b"connection: close\r\n\r\n")

    def body(self, data: bytes) -> None:
        self._protocol.transport.write(data)

    def close(self) -> None:
        """The connection is gone."""
        self._deframer.close()

    def end(self) -> None:
        self._protocol.exchange_ended()

    def break_off(self) -> None:
        # A close would look like the end of the answer; only a reset tells that it is not.
        transport = self._protocol.transport
        handle: socket.socket = transport.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()


class RouterProtocol(HttpToolsProtocol):
    """One connection of a client. Subclassed by ``protocol_class`` with the process's data plane."""

    plane: ClassVar[DataPlane]
    takes_data_plane: ClassVar[bool]
    max_connections: ClassVar[int]
    keep_alive_s: ClassVar[float]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state, _loop=_loop)
        self._reading = _HEAD
        self._held = b""
        self._pipelined = b""
        self._body: list[bytes] = []
        self._body_missing = 0
        self._passed_body: ChunkScanner | int = 0
        self._template: RequestTemplate | None = None
        self._exchange: Exchange | None = None
        self._wire: WireClient | OldWireClient | None = None
        self._prefix = _NO_PREFIX
        self._suffix = b""
        self._closes = False
        self.due_at_s = _NEVER
        self._unsent_bytes = 0
        self._unsent_since_s = _NEVER

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # listens for streams only
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            transport.abort()
            return
        limit_bytes = self.plane.rules.limits.buffered_bytes
        # The ASGI path keeps the other half.
        transport.set_write_buffer_limits(high=limit_bytes if self.takes_data_plane else limit_bytes // 2)
        self._wire = WireClient(self)
        self.due_at_s = monotonic_s() + self.plane.rules.timeouts.head_s

    def connection_lost(self, exc: Exception | None) -> None:
        exchange, self._exchange = self._exchange, None
        self._body = []
        self._pipelined = b""
        # It knows us: kept, both would be there until the garbage collector comes by, which is seldom.
        wire, self._wire = self._wire, None
        self.due_at_s = _NEVER
        super().connection_lost(exc)
        if exchange is not None:
            exchange.client_gone()
        if isinstance(wire, OldWireClient):
            wire.close()

    def data_received(self, data: bytes) -> None:
        reading = self._reading
        if reading is _HEAD:
            if self._held:
                data = self._held + data
                self._held = b""
            self._read_head(data)
        elif reading is _BODY:
            self._read_body(data)
        elif reading is _PASSED_ON:
            self._read_passed(data)
        else:
            self._pipeline(data)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._exchange is not None:
            self._exchange.client_paused()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._exchange is not None:
            self._exchange.client_resumed()

    # uvicorn's protocol

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._reading is _BUSY and not self.transport.is_closing():
            self._await_head()

    def shutdown(self) -> None:
        if self._exchange is None:
            self.plane.writes.flush()
            super().shutdown()
        else:
            self._closes = True

    # heads

    def _read_head(self, data: bytes) -> None:
        if data.startswith(self._prefix):
            start = len(self._prefix)
            end = data.find(b"\r\n", start, start + 20)
            digits = data[start:end]
            template = self._template
            if digits.isdigit() and data.startswith(self._suffix, end) and template is not None:
                length, start = int(digits), end + len(self._suffix)
                if len(data) - start == length and self.timeout_keep_alive_task is None:
                    self._begin(data[start:])
                else:
                    self._take(template, length, data, start)
                return
        if data[:2] == b"\r\n":
            # An empty line before a request is to be ignored (RFC 9112 section 2.2).
            data = data[2:]
        limits = self.plane.rules.limits
        end = data.find(b"\r\n\r\n", 0, limits.head_bytes) + 4
        if end < 4:
            self._await_rest_of_head(data)
            return
        head = parse_head(data[:end], max_fields=limits.head_fields)
        if isinstance(head, HeadProblem):
            self._refuse_head(head)
            return
        # uvicorn would answer HTTP/1.0 in chunks, which it does not know.
        takes = (self.takes_data_plane or head.minor_version == 0) and head.method == b"POST"
        endpoint = ENDPOINTS.get(head.path) if takes else None
        if endpoint is None or head.content_length is None or head.get(b"expect") is not None:
            self._pass_on(head, data, end)
            return
        template = digest(endpoint, head.fields)
        self._remember(template, head, data[:end])
        if head.minor_version == 0:
            self.plane.writes.flush()
            self._wire = OldWireClient(self)
        elif self._wire is not None:
            self._wire.keeps_alive = head.keep_alive
        self._take(template, head.content_length, data, end)

    def _await_rest_of_head(self, data: bytes) -> None:
        if len(data) >= self.plane.rules.limits.head_bytes:
            self._refuse_head(HeadProblem(431, "The request head is longer than limits.head_bytes."))
            return
        if data and self.due_at_s > monotonic_s() + self.plane.rules.timeouts.head_s:
            self.due_at_s = monotonic_s() + self.plane.rules.timeouts.head_s
        self._held = data

    def _refuse_head(self, problem: HeadProblem) -> None:
        self._refuse_bytes(problem.status, problem.message)

    def _refuse_bytes(self, status: int, message: str) -> None:
        """What came cannot be read, so nobody knows where the next request begins."""
        message += " Correct it and send it again; the connection is closed."
        self._reply_and_close(Reply(status, "bad_request", message))

    def _remember(self, template: RequestTemplate, head: RequestHead, text: bytes) -> None:
        """SDKs repeat their head byte for byte but for the length: equal bytes need no second parse."""
        self._prefix = _NO_PREFIX
        self._template = template
        if not head.keep_alive or head.minor_version == 0:
            return
        mark = b"\r\ncontent-length: "
        at = text.lower().find(mark)
        if at >= 0:
            start = at + len(mark)
            self._prefix = text[:start]
            self._suffix = text[text.index(b"\r\n", start) :]

    # data-plane requests

    def _take(self, template: RequestTemplate, length: int, data: bytes, start: int) -> None:
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        have = len(data) - start
        if have == length:
            self._begin(data[start:])
            return
        if have > length:
            self._pipelined = data[start + length :]
            self._begin(data[start : start + length])
            return
        problem = self._problem(template, length)
        if problem is not None:
            # Nobody reads the rest of a body that is refused, so the connection ends here.
            self._reply_and_close(problem, template)
            return
        self._reading = _BODY
        self._body = [data[start:]]
        self._body_missing = length - have
        self.due_at_s = monotonic_s() + self.plane.rules.timeouts.body_idle_s

    def _problem(self, template: RequestTemplate, length: int) -> Reply | None:
        key = self.plane.gatekeeper.api_key(template.credential, unix_s())
        if isinstance(key, Denial):
            return replies.denied(key)
        if template.content_encoding != b"identity":
            return replies.CONTENT_ENCODING
        limit = self.plane.rules.limits.body_bytes
        return replies.body_too_large(limit) if length > limit else None

    def _read_body(self, data: bytes) -> None:
        missing = self._body_missing
        if len(data) < missing:
            self._body.append(data)
            self._body_missing = missing - len(data)
            self.due_at_s = monotonic_s() + self.plane.rules.timeouts.body_idle_s
            return
        self._body.append(data[:missing])
        self._pipelined = data[missing:]
        body, self._body = b"".join(self._body), []
        self._begin(body)

    def _begin(self, body: bytes) -> None:
        template, client = self._template, self._wire
        assert template is not None
        assert client is not None
        self._reading = _BUSY
        self.due_at_s = _NEVER
        plane = self.plane
        key = plane.gatekeeper.api_key(template.credential, unix_s())
        if isinstance(key, Denial) or template.content_encoding != b"identity":
            problem = replies.denied(key) if isinstance(key, Denial) else replies.CONTENT_ENCODING
            trace = plane.turn_away(template, client.address, problem)
            client.write(replies.render(problem, template.endpoint, headers=trace, keep_alive=client.keeps_alive))
            client.end()
            return
        if plane.is_draining:
            client.keeps_alive = False
        exchange = Exchange(plane, client, template, key, body)
        self._exchange = exchange
        try:
            exchange.start()
        except Exception:  # noqa: BLE001  # not foreseen, logged whole; the client is owed an answer
            _log.exception("a request could not be handled", extra={"request_id": exchange.record.id})
            exchange.crashed()

    def exchange_ended(self) -> None:
        """The response is complete: on to the next request, or close."""
        self._exchange = None
        wire = self._wire
        if self._closes or wire is None or not wire.keeps_alive:
            self.plane.writes.flush()
            self.transport.close()
        else:
            self._await_head()

    def break_off(self) -> None:
        """Close without completing the response."""
        self._exchange = None
        self.plane.writes.flush()
        self.transport.close()

    def _await_head(self) -> None:
        self._reading = _HEAD
        self.due_at_s = monotonic_s() + self.keep_alive_s
        if self._pipelined:
            # Not called directly: a thousand pipelined requests would be a thousand frames deep.
            self.loop.call_soon(self._read_pipelined)

    def _pipeline(self, data: bytes) -> None:
        self._pipelined += data
        if len(self._pipelined) > MAX_PIPELINED_BYTES:
            self.flow.pause_reading()

    def _read_pipelined(self) -> None:
        data, self._pipelined = self._pipelined, b""
        if data and not self.transport.is_closing():
            self.flow.resume_reading()
            self.data_received(data)

    # messages for uvicorn

    def _pass_on(self, head: RequestHead, data: bytes, end: int) -> None:
        self._prefix = _NO_PREFIX
        self._passed_body = ChunkScanner() if head.is_chunked else head.content_length or 0
        self._reading = _PASSED_ON
        self.due_at_s = _NEVER
        text = data[:end] if head.get(b"upgrade") is None else _without_upgrade(data[:end])
        self.plane.writes.flush()
        HttpToolsProtocol.data_received(self, text)
        if not self.transport.is_closing():
            self._read_passed(data[end:])

    def _read_passed(self, data: bytes) -> None:
        scanner = self._passed_body
        if isinstance(scanner, ChunkScanner):
            try:
                used = scanner.feed(data)
            except BadChunk as error:
                self._refuse_bytes(400, f"The body cannot be read: {error}.")
                return
            is_whole = scanner.done
        else:
            used = min(scanner, len(data))
            self._passed_body = scanner - used
            is_whole = self._passed_body == 0
        if is_whole:
            self._reading = _BUSY
            self._pipelined = data[used:]
            self.due_at_s = _NEVER
        else:
            self.due_at_s = monotonic_s() + self.plane.rules.timeouts.body_idle_s
        if used:
            HttpToolsProtocol.data_received(self, data[:used])
        cycle: RequestResponseCycle | None = self.cycle
        if is_whole and cycle is not None and cycle.response_complete:
            self._await_head()

    # endings

    def _reply_and_close(self, reply: Reply, template: RequestTemplate | None = None) -> None:
        endpoint = template.endpoint if template is not None else None
        self.plane.writes.flush()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            trace = b""
            if template is not None:
                trace = self.plane.turn_away(template, self.client[0] if self.client else "", reply)
            self.transport.write(replies.render(reply, endpoint, headers=trace, keep_alive=False))
        self._reading = _BUSY
        self._held = b""
        self.transport.close()

    def sweep(self, now_s: float) -> None:
        """Enforce the deadlines of a silent or slow client. uvicorn has none before the first complete head."""
        if self._takes_nothing(now_s):
            # Closing would wait until it has taken the rest, which it will not.
            self.transport.abort()
            return
        if now_s < self.due_at_s or self.transport.is_closing():
            return
        self.due_at_s = _NEVER
        if self._reading is _HEAD and not self._held:
            self.transport.close()
        else:
            self._reply_and_close(replies.BODY_TIMEOUT, self._template if self._reading is _BODY else None)

    def _takes_nothing(self, now_s: float) -> bool:
        """Whether what is left to send has not become less for longer than a client may take."""
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes != self._unsent_bytes or not unsent_bytes:
            self._unsent_bytes, self._unsent_since_s = unsent_bytes, now_s
        return now_s - self._unsent_since_s >= self.plane.rules.timeouts.write_stall_s


def _without_upgrade(head: bytes) -> bytes:
    """The head without its offer to switch protocols, which a server may ignore (RFC 9110 section 7.8)."""
    lines = head.split(b"\r\n")
    kept = [
        line
        for line in lines
        if not line.lower().startswith((b"upgrade:", b"connection: upgrade", b"connection:upgrade", b"http2-settings:"))
    ]
    return b"\r\n".join(kept)


def protocol_class(
    plane: DataPlane, *, takes_data_plane: bool, max_connections: int, keep_alive_s: float
) -> type[RouterProtocol]:
    """The protocol class to give to ``uvicorn.Config(http=...)``."""
    members = {
        "plane": plane,
        "takes_data_plane": takes_data_plane,
        "max_connections": max_connections,
        "keep_alive_s": keep_alive_s,
    }
    return type("BoundRouterProtocol", (RouterProtocol,), members)
