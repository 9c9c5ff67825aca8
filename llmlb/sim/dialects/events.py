"""Server-sent events, as bytes."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from llmlb.sim.order import JsonObject

DONE = b"data: [DONE]\n\n"
"""What ends a stream of OpenAI's older APIs."""


@lru_cache(maxsize=4096)
def json_text(text: str) -> bytes:
    """A text as a JSON string. Answers are made of few words, so nearly all are remembered."""
    return msgspec.json.encode(text)


def data_event(payload: JsonObject) -> bytes:
    """A server-sent event with nothing but data."""
    return b"data: " + msgspec.json.encode(payload) + b"\n\n"


def named_event(payload: JsonObject) -> bytes:
    """An event that carries its type twice, as Anthropic's and the responses API do."""
    return b"event: " + str(payload["type"]).encode() + b"\n" + data_event(payload)


def split_at_text(event: bytes) -> tuple[bytes, bytes]:
    """An event that holds the text ``@@``, cut where each token's text goes."""
    before, _, after = event.rpartition(b'"@@"')
    return before, after


def error_object(message: str, kind: str, code: str, *, param: str = "") -> JsonObject:
    """OpenAI's error shape."""
    return {"error": {"message": message, "type": kind, "code": code, "param": param or None}}
