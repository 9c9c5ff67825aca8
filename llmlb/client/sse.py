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
        self._rest = b""
        self._data: list[str] = []
        self._held_bytes = 0
        self._type = "message"
        self._id = ""

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that ``chunk`` completes; raises ClientError for one that is too large or not JSON."""
        # The router ends lines with LF or CRLF; a lone CR, legal in the standard, does not occur.
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        decoded = (line.rstrip(b"\r").decode("utf-8", "replace") for line in lines)
        events = [event for line in decoded if (event := self._line(line)) is not None]
        if len(self._rest) + self._held_bytes > MAX_EVENT_BYTES:
            raise ClientError(f"the router sent an event above {MAX_EVENT_BYTES} bytes; is it an llmlb router?")
        return events

    def _line(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "data":
                self._data.append(value)
                self._held_bytes += len(value)
            case "event":
                self._type = value
            case "id" if "\0" not in value:
                self._id = value
            case _:  # a comment, a retry hint, or a field of a newer router
                pass
        return None

    def _dispatch(self) -> ServerEvent | None:
        text, kind = "\n".join(self._data), self._type
        self._data, self._held_bytes, self._type = [], 0, "message"
        if not text:
            return None
        try:
            return ServerEvent(self._id, kind, json.loads(text))
        except (ValueError, RecursionError) as error:
            raise ClientError("the router sent an event that is not JSON; is it an llmlb router?") from error
