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


def chain(texts: Iterable[str]) -> Prompt:
    """The hashes of a prompt that comes in pieces; where the pieces are cut makes no difference.

    Only full blocks are hashed: the tail of a prompt grows with the next turn of its conversation. The same text gives
    the same hashes in every process. Lone surrogates are text like any other.
    """
    blocks: list[int] = []
    link, text_bytes = b"", 0
    pieces: list[bytes] = []
    pending_bytes = 0
    for text in texts:
        data = text.encode(errors="surrogatepass")
        text_bytes += len(data)
        if len(blocks) == MAX_BLOCKS:
            continue
        pieces.append(data)
        pending_bytes += len(data)
        if pending_bytes < BLOCK_BYTES:
            continue
        pending = b"".join(pieces)
        position = 0
        while position + BLOCK_BYTES <= len(pending) and len(blocks) < MAX_BLOCKS:
            end = position + BLOCK_BYTES
            link = blake2b(link + pending[position:end], digest_size=_HASH_BYTES).digest()
            blocks.append(int.from_bytes(link, "little"))
            position = end
        pieces = [pending[position:]]
        pending_bytes = len(pieces[0])
    return Prompt(tuple(blocks), text_bytes)
