"""Finding the end of a chunked body without decoding it."""

from __future__ import annotations

import re

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*")
MAX_LINE_BYTES = 4096
MAX_TRAILER_BYTES = 16_384


class BadChunk(ValueError):
    """The chunk framing is malformed."""


class ChunkScanner:
    """Follows chunked framing over any split of the input. Source: RFC 9112 section 7.1.

    ``feed`` answers how many bytes belong to the body; less than it was given means that the body has ended there.
    """

    __slots__ = ("_in_trailer", "_line", "_skip", "_trailer_bytes", "body_bytes", "done")

    def __init__(self) -> None:
        self.done = False
        self.body_bytes = 0
        """Content bytes announced so far."""
        self._skip = 0
        self._line = b""
        self._in_trailer = False
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> int:
        """Raises BadChunk."""
        position, end = 0, len(data)
        while position < end and not self.done:
            if self._skip > 2:
                step = min(self._skip - 2, end - position)
                position += step
                self._skip -= step
            elif self._skip:
                if data[position] != b"\r\n"[2 - self._skip]:
                    raise BadChunk("chunk data must end with CRLF")
                position += 1
                self._skip -= 1
            else:
                position = self._read_line(data, position)
        return position

    def _read_line(self, data: bytes, position: int) -> int:
        newline = data.find(b"\n", position)
        piece = data[position : newline + 1] if newline >= 0 else data[position:]
        self._line += piece
        if len(self._line) > MAX_LINE_BYTES:
            raise BadChunk("a chunk line is too long")
        if newline < 0:
            return len(data)
        line, self._line = self._line, b""
        if not line.endswith(b"\r\n"):
            raise BadChunk("chunk lines must end with CRLF")
        self._take_line(line[:-2])
        return newline + 1

    def _take_line(self, line: bytes) -> None:
        if self._in_trailer:
            self._trailer_bytes += len(line)
            if not line:
                self.done = True
            elif self._trailer_bytes > MAX_TRAILER_BYTES or _TRAILER_LINE.fullmatch(line) is None:
                raise BadChunk("a trailer field is malformed")
            return
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise BadChunk("a chunk size is malformed")
        size = int(match[1], 16)
        if size == 0:
            self._in_trailer = True
            return
        self.body_bytes += size
        self._skip = size + 2
