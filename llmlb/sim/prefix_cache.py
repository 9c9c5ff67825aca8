"""The prefix cache: prompts that begin alike are read once, block by block."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

BYTES_PER_TOKEN = 4
"""Bytes of prompt text that count as one token; English text in a common vocabulary comes close."""


def count_tokens(text: bytes) -> int:
    """Tokens of a prompt, at least one."""
    return max(1, -(-len(text) // BYTES_PER_TOKEN))


def block_chain(prompt: bytes, block_tokens: int) -> list[bytes]:
    """A key for each full block of the prompt, which depends on the block and on all before it."""
    block_bytes = block_tokens * BYTES_PER_TOKEN
    chain: list[bytes] = []
    parent = b""
    for start in range(0, len(prompt) - block_bytes + 1, block_bytes):
        parent = hashlib.blake2b(parent + prompt[start : start + block_bytes], digest_size=16).digest()
        chain.append(parent)
    return chain


class PrefixCache:
    """Blocks that were read lately. capacity: blocks; the least recently used one is dropped.

    Models do not share blocks: the model's name is part of what its prompts begin with.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._blocks: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._blocks)

    def match(self, chain: Sequence[bytes]) -> int:
        """Leading blocks of the chain that are cached; they count as used."""
        for matched, block in enumerate(chain):
            if block not in self._blocks:
                return matched
            self._blocks.move_to_end(block)
        return len(chain)

    def store(self, chain: Sequence[bytes]) -> None:
        """Keeps the chain, its beginning longest: a block is of no use without those before it."""
        for block in reversed(chain[: self._capacity]):
            self._blocks[block] = None
            self._blocks.move_to_end(block)
        while len(self._blocks) > self._capacity:
            self._blocks.popitem(last=False)
