"""Taking our own HTTP/1.1 responses apart again, for connections that need another framing."""

from __future__ import annotations

from typing import Protocol

import httptools

_FRAMING = frozenset({b"transfer-encoding", b"connection"})


class Sink(Protocol):
    """Where the pieces go. Field names are lower case; framing fields are left out, but for content-length."""

    def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None: ...
    def body(self, data: bytes) -> None: ...


class Deframer:
    """Parses one response of ours at a time, over any split."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._fields: list[tuple[bytes, bytes]] = []
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def close(self) -> None:
        """Nothing follows. The parser knows us: kept, both would be there until the garbage collector comes by."""
        del self._parser

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name not in _FRAMING:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self._sink.head(self._parser.get_status_code(), self._fields)

    def on_body(self, data: bytes) -> None:
        self._sink.body(data)
