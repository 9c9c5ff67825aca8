"""Server-Sent Events, bytes in and events out. Source: HTML Living Standard, section 9.2.6."""

from __future__ import annotations

import json
from typing import NamedTuple

from llmlb.errors import ClientError

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""A snapshot of 1,000 nodes is below 1 MiB."""


class ServerEvent(NamedTuple):
    """One event of the router's feed: its id (empty where it had none), its type, its decoded JSON."""

    id: str
    type: str
    data: object


class EventParser:
    """Turns the bytes of a feed into events, wherever the network cut them; comments vanish."""

    def __init__(self) -> None:
        # Here and not above: a command that reads no feed must not pay for it.
        from msgspec.json import decode

        self._decode = decode
        self._rest = b""
        self._data: list[bytes] = []
        self._held_bytes = 0
        self._type = "message"
        self._id = ""

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that ``chunk`` completes; raises ClientError for one that is too large or not JSON."""
        # The router ends lines with LF or CRLF; a lone CR, legal in the standard, does not occur.
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        events = [event for line in lines if (event := self._line(line.rstrip(b"\r"))) is not None]
        if len(self._rest) + self._held_bytes > MAX_EVENT_BYTES:
            raise ClientError(f"the router sent an event above {MAX_EVENT_BYTES} bytes; is it an llmlb router?")
        return events

    def _line(self, line: bytes) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match field:
            case b"data":
                self._data.append(value)
                self._held_bytes += len(value)
            case b"event":
                self._type = value.decode("utf-8", "replace")
            case b"id" if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
            case _:  # a comment, a retry hint, or a field of a newer router
                pass
        return None

    def _dispatch(self) -> ServerEvent | None:
        text, kind = b"\n".join(self._data), self._type
        self._data, self._held_bytes, self._type = [], 0, "message"
        return ServerEvent(self._id, kind, self._decoded(text)) if text else None

    def _decoded(self, text: bytes) -> object:
        try:
            return self._decode(text)
        except (ValueError, RecursionError):
            # A third of the time of the standard library, and stricter: NaN, or bytes that are no UTF-8.
            pass
        try:
            return json.loads(text.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise ClientError("the router sent an event that is not JSON; is it an llmlb router?") from error
