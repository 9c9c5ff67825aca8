"""Server-Sent Events, as far as a load test must read them: data payloads, split at any byte."""

from __future__ import annotations

MAX_EVENT_BYTES = 1 << 20
"""An event larger than this is an attack or a mistake; a token is some hundred bytes."""

_FIELDS = (b"event", b"id", b"retry", b"data")


class BadStream(ValueError):
    """What was received is not an event stream."""


class EventReader:
    """Cuts a byte stream into the data payloads of its events."""

    __slots__ = ("_data", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The payloads completed by the chunk, in order; comments and named fields are left out.

        Raises BadStream for a line that is no field, or an event beyond MAX_EVENT_BYTES.
        """
        if self._rest:
            chunk = self._rest + chunk
        if b"\r" in chunk:
            chunk = _with_newlines(chunk)
        lines = chunk.split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_EVENT_BYTES:
            raise BadStream("an event is larger than 1 MiB")
        events: list[bytes] = []
        for line in lines:
            if not line:
                self._finish(events)
            elif line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line.startswith(b":"):
                self._field(line)
        return events

    def drain(self) -> list[bytes]:
        """What is left at the end of the stream: some servers leave out the last blank line."""
        return self.feed(b"\n\n")

    def _finish(self, events: list[bytes]) -> None:
        data = self._data
        if not data:
            return
        events.append(data[0] if len(data) == 1 else b"\n".join(data))
        data.clear()

    def _field(self, line: bytes) -> None:
        if line.partition(b":")[0] not in _FIELDS:
            raise BadStream(f"a line of the stream is no field: {line[:40]!r}")
        if len(self._data) > 1024:
            raise BadStream("an event has more than 1024 data lines")


def _with_newlines(chunk: bytes) -> bytes:
    """All line ends as ``\\n``. A ``\\r`` at the very end stays: its ``\\n`` may be in the next chunk."""
    tail = b""
    if chunk.endswith(b"\r"):
        chunk, tail = chunk[:-1], b"\r"
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + tail
