"""Chain hashes of prompts: two share their first ``n`` hashes exactly when they share their first ``n`` blocks."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from llmlb.core.choice import Prompt

BLOCK_BYTES = 2048
"""About 512 tokens: fine enough to tell conversations apart, coarse enough that a long prompt is a few dozen hashes."""
MAX_BLOCKS = 256
"""Half a MiB of text. Prompts that agree so far are taken to agree."""

_HASH_BYTES = 8
_MOST_BYTES = MAX_BLOCKS * BLOCK_BYTES


def chain(texts: Iterable[str]) -> Prompt:
    """The hashes of a prompt that comes in pieces; where the pieces are cut makes no difference.

    Only full blocks are hashed: the tail of a prompt grows with the next turn of its conversation. The same text gives
    the same hashes in every process. Lone surrogates are text like any other.
    """
    pieces: list[bytes] = []
    text_bytes = 0
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        if text_bytes < _MOST_BYTES:
            pieces.append(data)
        text_bytes += len(data)
    start = b"".join(pieces)[:_MOST_BYTES]
    blocks: list[int] = []
    link = b""
    for end in range(BLOCK_BYTES, len(start) + 1, BLOCK_BYTES):
        link = blake2b(link + start[end - BLOCK_BYTES : end], digest_size=_HASH_BYTES).digest()
        blocks.append(int.from_bytes(link, "little"))
    return Prompt(tuple(blocks), text_bytes)
