"""Strict parsing of request heads. One function, no state, no socket; what it accepts has one meaning only.

The checks keep two parsers from disagreeing about where a request ends (request smuggling): RFC 9112 sections 3, 5, 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])")
_FIELDS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*")
_FIELD = re.compile(rb"([^:]+):[ \t]*([^\r]*?)[ \t]*\r\n")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]{0,5})?")
_DIGITS = re.compile(rb"[0-9]{1,18}")

MAX_METHOD_BYTES = 32


@dataclass(frozen=True, slots=True)
class HeadProblem:
    """A head that must be refused. status: 400, 431 or 501; the connection is closed after it."""

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A well-formed request head. Field names are lower case; values are as sent, without surrounding blanks.

    content_length: bytes of the body, None when it is chunked or absent.
    """

    method: bytes
    target: bytes
    minor_version: int
    fields: tuple[tuple[bytes, bytes], ...]
    content_length: int | None
    is_chunked: bool
    keep_alive: bool

    @property
    def path(self) -> bytes:
        return self.target.partition(b"?")[0]

    def get(self, name: bytes) -> bytes | None:
        """The first field of that name."""
        for field_name, value in self.fields:
            if field_name == name:
                return value
        return None


def parse_head(head: bytes, *, max_fields: int) -> RequestHead | HeadProblem:
    """Read a head, from the request line to the empty line, both included."""
    line_end = head.find(b"\r\n")
    line = _REQUEST_LINE.fullmatch(head, 0, line_end)
    if line is None or line.end(1) > MAX_METHOD_BYTES:
        return HeadProblem(400, "The request line is not HTTP/1.1.")
    block = head[line_end + 2 : -2]
    if _FIELDS.fullmatch(block) is None:
        return HeadProblem(400, "A header field is malformed.")
    fields = tuple((name.lower(), value) for name, value in _FIELD.findall(block))
    if len(fields) > max_fields:
        return HeadProblem(431, f"More than {max_fields} header fields (limits.head_fields).")
    method, target, minor = line[1], line[2], int(line[3])
    framing = _framing(fields, minor)
    if isinstance(framing, HeadProblem):
        return framing
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (minor == 1 and not hosts):
        return HeadProblem(400, "Exactly one Host header is needed.")
    if hosts and _HOST.fullmatch(hosts[0]) is None:
        return HeadProblem(400, "The Host header is not a host.")
    content_length, is_chunked = framing
    return RequestHead(method, target, minor, fields, content_length, is_chunked, _keeps_alive(fields, minor))


def _framing(fields: tuple[tuple[bytes, bytes], ...], minor: int) -> tuple[int | None, bool] | HeadProblem:
    lengths = {value for name, value in fields if name == b"content-length"}
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    if not codings:
        if not lengths:
            return None, False
        length = lengths.pop()
        if lengths or _DIGITS.fullmatch(length) is None:
            return HeadProblem(400, "Content-Length must be one decimal number.")
        return int(length), False
    if lengths:
        return HeadProblem(400, "Content-Length and Transfer-Encoding exclude each other.")
    if minor == 0:
        return HeadProblem(400, "Transfer-Encoding needs HTTP/1.1.")
    if len(codings) > 1 or codings[0].lower() != b"chunked":
        return HeadProblem(400, "The only transfer coding that can be read is chunked.")
    return None, True


def _keeps_alive(fields: tuple[tuple[bytes, bytes], ...], minor: int) -> bool:
    options = {
        option.strip().lower() for name, value in fields if name == b"connection" for option in value.split(b",")
    }
    if b"close" in options:
        return False
    return minor == 1 or b"keep-alive" in options
