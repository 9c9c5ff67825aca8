"""Keeps the bytes of each request head exactly as they came, for tests of what a proxy forwards."""

from __future__ import annotations


class HeadRecorder:
    """Follows a connection's bytes beside the parser, which does not keep them.

    feed before the parser sees the bytes; then take_head when it has seen a head, and skip_body when the message ends.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take_head(self) -> bytes:
        """The head that has just been parsed, with its empty line."""
        end = self._buffer.find(b"\r\n\r\n") + 4
        head = bytes(self._buffer[:end])
        del self._buffer[:end]
        return head

    def skip_body(self, body_bytes: int, *, is_chunked: bool) -> None:
        """Drops the body that has just been parsed; body_bytes without its chunk framing."""
        if not is_chunked:
            del self._buffer[:body_bytes]
            return
        last_chunk = self._buffer.find(b"0\r\n\r\n", body_bytes)
        del self._buffer[: last_chunk + 5 if last_chunk >= 0 else len(self._buffer)]
