"""One TCP connection to a node, and the strict reading of what comes back over it.

An answer is accepted only if its framing has one meaning: no Content-Length beside Transfer-Encoding, no two lengths,
no bytes after its end. Interim 1xx heads are skipped. Answers that end with the connection, HTTP/1.0 ones included,
are given chunked framing on their way.
"""

from __future__ import annotations

import asyncio
import logging
import re
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import httptools
from msgspec import Struct

from llmlb.errors import NodeLost, NodeMisbehaved, ProxyError
from llmlb.proxy.replies import status_phrase

if TYPE_CHECKING:
    from llmlb.proxy.pending import PendingWrites
    from llmlb.proxy.pool import ConnectionPool

_log = logging.getLogger(__name__)

MAX_HEAD_BYTES = 32_768

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_FIELDS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*")
_FIELD = re.compile(rb"([^:]+):[ \t]*([^\r]*?)[ \t]*\r\n")
_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
_PRIMED_FIELDS = 1

_PASSED = frozenset({b"content-type", b"content-encoding", b"cache-control", b"retry-after", b"request-id"})
_PASSED_PREFIXES = (b"openai-", b"anthropic-", b"x-ratelimit-")
MAX_LENGTH_DIGITS = 15
MAX_SIZE_DIGITS = 8
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]{1,%d})\r\n" % MAX_LENGTH_DIGITS, re.IGNORECASE)


class Framing(Enum):
    """How the end of an answer is known."""

    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()


_BY_LENGTH, _BY_CHUNKS = Framing.LENGTH, Framing.CHUNKED


class AnswerHead(Struct, frozen=True, gc=False):
    """Status and fields of a node's answer. Field names are lower case; the length is none of them.

    content_length: with LENGTH framing only.
    passed: the status line and those fields that are meant for clients. Cookies, server names and hop-by-hop fields of
    a node never get to them.
    """

    status: int
    fields: tuple[tuple[bytes, bytes], ...]
    framing: Framing
    content_length: int
    keep_alive: bool
    passed: str = ""
    is_event_stream: bool = False

    def get(self, name: bytes) -> bytes | None:
        for field_name, value in self.fields:
            if field_name == name:
                return value
        return None


def parse_answer_head(head: bytes) -> AnswerHead:
    """Read a head, the empty line included. Raises NodeMisbehaved."""
    line_end = head.find(b"\r\n")
    line = _STATUS_LINE.fullmatch(head, 0, line_end)
    block = head[line_end + 2 : -2]
    if line is None or _FIELDS.fullmatch(block) is None:
        raise NodeMisbehaved("the node's response head is malformed")
    status = int(line[2])
    fields = tuple((name.lower(), value) for name, value in _FIELD.findall(block))
    connection = b",".join(value.lower() for name, value in fields if name == b"connection")
    framing, length = _framing(status, fields, is_old=line[1] == b"0")
    return AnswerHead(
        status,
        tuple(field for field in fields if field[0] != b"content-length"),
        framing,
        length,
        keep_alive=line[1] == b"1" and b"close" not in connection and framing is not Framing.CLOSE,
        passed=_passed(status, fields),
        is_event_stream=any(
            name == b"content-type" and value.lower().startswith(b"text/event-stream") for name, value in fields
        ),
    )


def _framing(status: int, fields: tuple[tuple[bytes, bytes], ...], *, is_old: bool) -> tuple[Framing, int]:
    if status in (204, 304):
        return Framing.LENGTH, 0
    lengths = {value for name, value in fields if name == b"content-length"}
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    if codings:
        if lengths or codings != [b"chunked"] or is_old:
            raise NodeMisbehaved("the node's response has contradictory framing")
        return Framing.CHUNKED, 0
    if not lengths:
        return Framing.CLOSE, 0
    length = lengths.pop()
    if lengths or not length.isdigit() or len(length) > 18:
        raise NodeMisbehaved("the node's response has contradictory lengths")
    return Framing.LENGTH, int(length)


def _passed(status: int, fields: tuple[tuple[bytes, bytes], ...]) -> str:
    lines = [b"HTTP/1.1 %d %s\r\n" % (status, status_phrase(status))]
    for name, value in fields:
        if name in _PASSED or name.startswith(_PASSED_PREFIXES):
            lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines).decode("latin-1")


class AnswerHeads:
    """Reads the heads of one node's answers. Engines repeat themselves but for the length of the body, so what was read
    once is recognised by its bytes and not read again."""

    __slots__ = ("_chunked", "_chunked_text", "_prefix", "_sized", "_suffix")

    def __init__(self) -> None:
        self._chunked: AnswerHead | None = None
        self._chunked_text = b""
        self._sized: AnswerHead | None = None
        self._prefix = b""
        self._suffix = b""

    def read(self, data: bytes) -> tuple[AnswerHead, int] | None:
        """The head at the start of the data, and where it ends; None while it is incomplete. Raises NodeMisbehaved."""
        known = self._sized
        if known is not None and data.startswith(self._prefix):
            start = len(self._prefix)
            end = data.find(b"\r\n", start, start + MAX_LENGTH_DIGITS + 2)
            digits = data[start:end]
            if digits.isdigit() and data.startswith(self._suffix, end):
                head = AnswerHead(
                    known.status,
                    known.fields,
                    _BY_LENGTH,
                    int(digits),
                    known.keep_alive,
                    known.passed,
                    known.is_event_stream,
                )
                return head, end + len(self._suffix)
        if self._chunked is not None and data.startswith(self._chunked_text):
            return self._chunked, len(self._chunked_text)
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            return None
        head = parse_answer_head(data[:end])
        self._remember(head, data[:end])
        return head, end

    def _remember(self, head: AnswerHead, text: bytes) -> None:
        if head.framing is Framing.CHUNKED:
            self._chunked, self._chunked_text = head, text
            return
        length = _LENGTH.search(text)
        # With a second length, or one that does not count, equal bytes around the digits would not mean the same.
        lengths = text.lower().count(b"\r\ncontent-length:")
        if length is not None and lengths == 1 and head.content_length == int(length[1]):
            self._sized = head
            self._prefix, self._suffix = text[: length.start(1)], text[length.end(1) :]


class Receiver(Protocol):
    """Who gets the answer: the exchange. It may let go of the connection in any of these calls."""

    def whole_received(self, head: AnswerHead, body: bytes) -> None:
        """An answer of known length that came in one read. Instead of the other two."""

    def head_received(self, head: AnswerHead) -> None: ...

    def chunk_received(self, raw: bytes, part: bytes) -> None:
        """One read that is exactly one chunk. Instead of the next."""

    def body_received(self, raw: bytes, parts: list[bytes], *, is_last: bool) -> None:
        """One read. raw: as framed for the client.  parts: the content in it.  is_last: the answer is complete."""

    def crashed(self) -> None:
        """The answer could not be handled, which is nobody's fault but the router's."""

    def node_lost(self, error: ProxyError) -> None:
        """The answer will not be completed. ``answer_began`` of the connection tells whether a byte came."""


class UpstreamConnection(asyncio.Protocol):
    """A connection to one node; idle in its pool, or lent to one exchange."""

    __slots__ = (
        "_chunk_is_open",
        "_fields",
        "_head",
        "_head_bytes",
        "_is_paused",
        "_message_is_complete",
        "_parser",
        "_parts",
        "_remaining",
        "answer_began",
        "at_chunk_boundary",
        "idle_since_s",
        "is_reused",
        "pool",
        "receiver",
        "transport",
    )

    def __init__(self, pool: ConnectionPool) -> None:
        self.pool = pool
        self.transport: asyncio.Transport
        self.receiver: Receiver | None = None
        self.is_reused = False
        self.idle_since_s = 0.0
        self.answer_began = False
        self._is_paused = False
        self._reset()

    def _reset(self) -> None:
        self._head_bytes = b""
        self._head: AnswerHead | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._parts: list[bytes] = []
        self._remaining = 0
        self._message_is_complete = False
        self._chunk_is_open = False
        self._fields = 0
        self.at_chunk_boundary = False
        """Whether what has been handed on so far ends where another chunk could follow."""

    @property
    def is_usable(self) -> bool:
        return not self.transport.is_closing()

    @property
    def is_answered(self) -> bool:
        """Whether the whole answer has been read, so that the connection could be used again."""
        if self._head is None:
            return False
        if self._head.framing is Framing.CHUNKED:
            return self._message_is_complete
        return self._head.framing is Framing.LENGTH and self._remaining == 0

    def send(self, receiver: Receiver, request: bytes, writes: PendingWrites) -> None:
        """Send a whole request; the answer goes to the receiver."""
        self.answer_began = False
        self.receiver = receiver
        writes.write(self.transport, request)

    def pause(self) -> None:
        """The client reads slowly: stop reading from the node."""
        if not self._is_paused and self.is_usable:
            self._is_paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if self._is_paused and self.is_usable:
            self._is_paused = False
            self.transport.resume_reading()

    def abort(self) -> None:
        """Close at once; the receiver hears nothing more."""
        self.receiver = None
        self.transport.abort()

    def release(self) -> None:
        """The answer is complete: back to the pool, or close when the node wants it so."""
        self.receiver = None
        if self._is_paused:
            self.resume()
        head = self._head
        if head is not None and head.framing is _BY_LENGTH:
            self._head = None
        else:
            self._reset()
        if head is not None and head.keep_alive:
            # If it is closing, the pool will not lend it, and is told of its end.
            self.pool.put(self)
        else:
            self.transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # dials streams only
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        receiver = self.receiver
        if receiver is None:
            # Bytes that nobody asked for: whatever they are, the next answer could not be trusted.
            self.transport.abort()
            return
        self.answer_began = True
        head = self._head
        try:
            if head is None:
                self._read_head(data)
                return
            if self.at_chunk_boundary and head.framing is _BY_CHUNKS:
                # Most reads are exactly one chunk: then the parser is not needed.
                line = _size_line(len(data))
                if line and data.startswith(line) and data.endswith(b"\r\n"):
                    receiver.chunk_received(data, data[len(line) : -2])
                    return
            self._read_body(data)
        except NodeMisbehaved as error:
            self._lose(error)
        except Exception:  # noqa: BLE001  # not foreseen, logged whole
            # Left to the event loop it would end the connection, and be taken for the node's end or the client's.
            _log.exception("an answer could not be handled")
            # Whoever got this answer may have handed the connection on already.
            holder = self.receiver
            self.abort()
            receiver.crashed()
            if holder is not None:
                holder.crashed()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.pool.forget(self)
        self._parser = None  # it knows us, and the garbage collector comes by seldom
        receiver = self.receiver
        if receiver is None:
            return
        self.receiver = None
        if self._head is not None and self._head.framing is Framing.CLOSE and exc is None:
            receiver.body_received(b"0\r\n\r\n", [], is_last=True)
        else:
            receiver.node_lost(NodeLost(f"the connection broke ({exc or 'closed by the node'})"))

    # httptools callbacks; chunked answers only

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of the head that the parser was primed with, and of trailers, whose fields were never looked at."""
        self._fields += 1

    def on_chunk_header(self) -> None:
        self._chunk_is_open = True

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_chunk_complete(self) -> None:
        self._chunk_is_open = False

    def on_message_complete(self) -> None:
        self._message_is_complete = True

    # reading

    def _read_head(self, data: bytes) -> None:
        if self._head_bytes:
            data = self._head_bytes + data
            self._head_bytes = b""
        found = self.pool.heads.read(data)
        if found is None:
            if len(data) > MAX_HEAD_BYTES:
                raise NodeMisbehaved("the node's response head is too long")
            self._head_bytes = data
            return
        head, end = found
        rest = data[end:]
        if head.status < 200:
            if head.status == 101:
                raise NodeMisbehaved("the node switched protocols unasked")
            if rest:
                self._read_head(rest)
            return
        self._head = head
        receiver = self.receiver
        assert receiver is not None
        if head.framing is _BY_LENGTH and len(rest) == head.content_length:
            receiver.whole_received(head, rest)
            return
        self._remaining = head.content_length
        if head.framing is Framing.CHUNKED:
            self._parser = httptools.HttpResponseParser(self)
            self._parser.feed_data(_CHUNKED_HEAD)
        self.at_chunk_boundary = head.framing is not Framing.LENGTH
        receiver.head_received(head)
        if rest and self.receiver is receiver:
            self._read_body(rest)

    def _read_body(self, data: bytes) -> None:
        receiver, head = self.receiver, self._head
        assert receiver is not None
        assert head is not None
        framing = head.framing
        if framing is Framing.CHUNKED:
            parts = self._unchunk(data)
            # A read may also end within the line that tells a chunk's size.
            self.at_chunk_boundary = not self._chunk_is_open and data.endswith(b"\r\n")
            receiver.body_received(data, parts, is_last=self._message_is_complete)
        elif framing is Framing.LENGTH:
            self._remaining -= len(data)
            if self._remaining < 0:
                raise NodeMisbehaved("the node sent more than its Content-Length")
            receiver.body_received(data, [data], is_last=self._remaining == 0)
        else:
            receiver.body_received(chunk(data), [data], is_last=False)

    def _unchunk(self, data: bytes) -> list[bytes]:
        parser = self._parser
        assert parser is not None
        self._parts = []
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise NodeMisbehaved(f"the node's chunked framing is broken ({error})") from None
        if self._fields > _PRIMED_FIELDS:
            raise NodeMisbehaved("the node sent fields behind its answer")
        return self._parts

    def _lose(self, error: ProxyError) -> None:
        receiver = self.receiver
        self.abort()
        if receiver is not None:
            receiver.node_lost(error)


@lru_cache(maxsize=4096)
def _size_line(length: int) -> bytes:
    """The first line of a read that is exactly one chunk, by the read's length; empty where no chunk is so long."""
    for digits in range(1, MAX_SIZE_DIGITS + 1):
        size = length - digits - len(b"\r\n\r\n")
        line = b"%x\r\n" % max(size, 0)
        if size > 0 and len(line) == digits + 2:
            return line
    return b""


def chunk(data: bytes) -> bytes:
    """One chunk of chunked framing."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
