"""How each API writes an answer: in one piece and as a stream of events.

Everything that repeats in a stream is written once per request; a token costs one join of bytes.
"""

from __future__ import annotations

from typing import assert_never

from llmlb.sim.dialects.chat import ChatDialect, CompletionsDialect
from llmlb.sim.dialects.dialect import Dialect
from llmlb.sim.dialects.messages import MessagesDialect
from llmlb.sim.dialects.responses import ResponsesDialect
from llmlb.sim.order import Api, Order


def dialect_for(order: Order, request_id: str, created_at_s: int) -> Dialect:
    """The dialect of an order's API. created_at_s: Unix time for the ``created`` fields."""
    match order.api:
        case Api.CHAT:
            return ChatDialect(order, request_id, created_at_s)
        case Api.COMPLETIONS:
            return CompletionsDialect(order, request_id, created_at_s)
        case Api.MESSAGES:
            return MessagesDialect(order, request_id)
        case Api.RESPONSES:
            return ResponsesDialect(order, request_id, created_at_s)
        case Api.EMBEDDINGS:
            raise ValueError("embeddings are not generated")
    assert_never(order.api)
