"""One HTTP/1.1 exchange over a socket of its own, in as little as it takes.

The standard library's client brings the parser of e-mail with it, which takes longer to import than most of what is
asked with it. This speaks what a router and the proxies in front of it answer: lengths, chunks, and bodies that end
with the connection.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from typing import Any, NamedTuple

from llmlb.client.address import RouterAddress
from llmlb.client.answers import tls_context

_MAX_LINE_BYTES = 65_536
_MAX_FIELDS = 200
_PIECE_BYTES = 262_144
_BODILESS = (204, 304)


class BrokenAnswer(Exception):
    """What came is no whole HTTP answer. The text says what is wrong with it."""


class Answer(NamedTuple):
    """An answer whose body is still to come. headers: by lower-case names."""

    status: int
    headers: Mapping[str, str]
    stream: BufferedReader

    def read(self, limit_bytes: int) -> bytes:
        """The body; one above the limit comes cut, but longer than it."""
        body = bytearray()
        for piece in self.pieces():
            body += piece
            if len(body) > limit_bytes:
                break
        return bytes(body)

    def lines(self, limit_bytes: int) -> Iterator[bytes]:
        """The lines of the body as they come, with their ends; raises BrokenAnswer for one above the limit."""
        rest = b""
        for piece in self.pieces():
            *whole, rest = (rest + piece).split(b"\n")
            yield from (line + b"\n" for line in whole)
            if len(rest) > limit_bytes:
                raise BrokenAnswer("a line is too long")
        if rest:
            yield rest

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes. Raises BrokenAnswer where it ends too early."""
        if self.status in _BODILESS:
            return iter(())
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return self._chunks()
        length = self.headers.get("content-length")
        return self._until_closed() if length is None else self._exactly(_size(length, 10))

    def _exactly(self, left: int) -> Iterator[bytes]:
        while left:
            piece = self.stream.read1(min(left, _PIECE_BYTES))
            if not piece:
                raise BrokenAnswer("the answer broke off")
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := _size(_line(self.stream).split(b";")[0].decode("latin-1"), 16):
            yield from self._exactly(size)
            if _line(self.stream):
                raise BrokenAnswer("a chunk is longer than it said")
        while _line(self.stream):
            pass

    def _until_closed(self) -> Iterator[bytes]:
        while piece := self.stream.read1(_PIECE_BYTES):
            yield piece


@contextmanager
def exchange(
    address: RouterAddress,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    timeout_s: float | None = None,
    ca_file: str | None = None,
) -> Iterator[Answer]:
    """Send one request and hold its answer open. timeout_s: for each wait on the network.

    Raises OSError, BrokenAnswer, and ConfigurationError for an unusable CA file.
    """
    host = address.authority
    fields = {"Host": host if host.isascii() else host.encode("idna").decode(), **headers, "Connection": "close"}
    if body is not None:
        fields["Content-Length"] = str(len(body))
    request = _head(method, target, fields) + (body or b"")
    with _connected(address, timeout_s, ca_file) as connection:
        connection.sendall(request)
        with connection.makefile("rb") as stream:
            yield read_answer(stream)


def _connected(address: RouterAddress, timeout_s: float | None, ca_file: str | None) -> socket.socket:
    context = tls_context(ca_file) if address.scheme == "https" else None
    # Bytes: of a text Python wants to know whether it is an international name, and loads large tables to find out.
    host: Any = address.host.encode() if address.host.isascii() else address.host
    connection = socket.create_connection((host, address.port), timeout_s)
    if context is None:
        return connection
    try:
        return context.wrap_socket(connection, server_hostname=address.host)
    except BaseException:
        connection.close()
        raise


def _head(method: str, target: str, fields: Mapping[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    # isprintable: nothing in a name or a value may end its line.
    if not all(line.isprintable() for line in lines) or " " in target:
        raise BrokenAnswer("the request holds characters that cannot be sent")
    text = "".join(f"{line}\r\n" for line in lines) + "\r\n"
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise BrokenAnswer("the request holds characters that cannot be sent") from error


def read_answer(stream: BufferedReader) -> Answer:
    """The head of an answer; what only announces one is passed over. Raises BrokenAnswer."""
    while True:
        status = _status(_line(stream))
        headers = _fields(stream)
        if status >= 200:  # what is below only announces an answer
            return Answer(status, headers, stream)


def _status(line: bytes) -> int:
    version, _, rest = line.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise BrokenAnswer("what answers there does not speak HTTP")
    return int(rest[:3])


def _fields(stream: BufferedReader) -> dict[str, str]:
    fields: dict[str, str] = {}
    for _ in range(_MAX_FIELDS):
        line = _line(stream)
        if not line:
            return fields
        name, _, value = line.decode("latin-1").partition(":")
        fields[name.strip().lower()] = value.strip()
    raise BrokenAnswer("the answer has too many header fields")


def _line(stream: BufferedReader) -> bytes:
    line = stream.readline(_MAX_LINE_BYTES)
    if not line:
        raise BrokenAnswer("the connection was closed without a whole answer")
    if not line.endswith(b"\n"):
        raise BrokenAnswer("the answer broke off, or a line of its head is too long")
    return line.rstrip(b"\r\n")


def _size(text: str, base: int) -> int:
    # int() would take signs, underscores and white space too.
    digits = text.strip()
    if not digits.isascii() or not digits.isalnum():
        raise BrokenAnswer("the answer has no usable length")
    try:
        return int(digits, base)
    except ValueError as error:
        raise BrokenAnswer("the answer has no usable length") from error
