"""Server-Sent Events, bytes in and events out. Source: HTML Living Standard, section 9.2.6."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from llmlb.errors import ClientError

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""A snapshot of 1,000 nodes is below 1 MiB."""

_KINDS = {kind.encode(): kind for kind in ("snapshot", "node", "fleet", "alert", "settings")}
"""Of the events that our routers write in one form: an id, a type, and the data on one line."""

Decode = Callable[[str, bytes], object]
"""From an event's type and its JSON to its data; raises ValueError for what it cannot read."""


class ServerEvent(NamedTuple):
    """One event of the router's feed: its id (empty where it had none), its type, its decoded JSON."""

    id: str
    type: str
    data: object


class EventParser:
    """Turns the bytes of a feed into events, wherever the network cut them; comments vanish.

    decode: for who wants its data in another shape; what it refuses is decoded as it is without one.
    """

    def __init__(self, decode: Decode | None = None) -> None:
        self._decode = decode or _plain_decode()
        self._rest = b""
        self._id = ""

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that ``chunk`` completes; raises ClientError for one that is too large or not JSON."""
        # The router ends lines with LF or CRLF; a lone CR, legal in the standard, does not occur.
        given = self._rest + chunk
        if b"\r" in given:
            given = given.replace(b"\r\n", b"\n")
        *blocks, self._rest = given.split(b"\n\n")
        if len(self._rest) > MAX_EVENT_BYTES:
            raise ClientError(f"the router sent an event above {MAX_EVENT_BYTES} bytes; is it an llmlb router?")
        return [event for block in blocks if (event := self._event(block)) is not None]

    def _event(self, block: bytes) -> ServerEvent | None:
        head, _, text = block.partition(b"\ndata: ")
        id_line, _, kind_name = head.partition(b"\nevent: ")
        kind = _KINDS.get(kind_name)
        if kind is None or id_line[:4] != b"id: " or not id_line[4:].isdigit() or not text or b"\n" in text:
            return self._unusual_event(block)
        self._id = id_line[4:].decode()
        return ServerEvent(self._id, kind, self._decoded(kind, text))

    def _unusual_event(self, block: bytes) -> ServerEvent | None:
        kind = "message"
        data: list[bytes] = []
        for line in block.split(b"\n"):
            field, _, value = line.partition(b":")
            if value.startswith(b" "):
                value = value[1:]
            if field == b"data":
                data.append(value)
            elif field == b"event":
                kind = value.decode("utf-8", "replace")
            elif field == b"id" and b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
            # Anything else is a comment, a retry hint, or a field of a newer router.
        text = b"\n".join(data)
        return ServerEvent(self._id, kind, self._decoded(kind, text)) if text else None

    def _decoded(self, kind: str, text: bytes) -> object:
        try:
            return self._decode(kind, text)
        except (ValueError, RecursionError):
            # A third of the time of the standard library, and stricter: NaN, or bytes that are no UTF-8.
            pass
        try:
            return json.loads(text.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise ClientError("the router sent an event that is not JSON; is it an llmlb router?") from error


def _plain_decode() -> Decode:
    # Here and not above: a command that reads no feed must not pay for it.
    from msgspec.json import Decoder

    decode = Decoder().decode
    return lambda kind, text: decode(text)
