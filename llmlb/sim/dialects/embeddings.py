"""OpenAI's embeddings: nothing is generated, so there is no dialect, just a body."""

from __future__ import annotations

import base64
import hashlib
import math
import struct

import msgspec

from llmlb.sim.order import JsonObject, Order
from llmlb.sim.prefix_cache import count_tokens


def embeddings_body(order: Order, dimensions: int) -> bytes:
    """The answer to an embeddings request: a unit vector for each input, the same for the same text."""
    rows: list[JsonObject] = []
    for index, text in enumerate(order.inputs):
        vector = _unit_vector(text, dimensions)
        packed = base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode()
        rows.append({"object": "embedding", "index": index, "embedding": packed if order.wants_base64 else vector})
    tokens = sum(count_tokens(text) for text in order.inputs)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return msgspec.json.encode({"object": "list", "data": rows, "model": order.model, "usage": usage})


def _unit_vector(text: bytes, dimensions: int) -> list[float]:
    digest = hashlib.shake_128(text).digest(dimensions * 2)
    values = [value - 32767.5 for value in struct.unpack(f"<{dimensions}H", digest)]
    length = math.sqrt(sum(value * value for value in values))
    return [round(value / length, 7) for value in values]
