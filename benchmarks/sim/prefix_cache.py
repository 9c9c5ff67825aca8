"""The key-value memory of one engine: blocks of running requests, and blocks that are kept for later prompts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

BLOCK_TOKENS = 512


class PrefixCache:
    """Blocks are shared by all prompts that begin alike; unused ones stay until room is needed, least recent first.

    As vLLM keeps them: a prompt's last block is given up before its first. Sizes in tokens.
    """

    __slots__ = ("_held", "_kept", "_private", "capacity")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._held: dict[int, int] = {}
        self._kept: OrderedDict[int, None] = OrderedDict()
        self._private = 0

    @property
    def used(self) -> int:
        """Tokens of running requests."""
        return self._private + BLOCK_TOKENS * len(self._held)

    def matched(self, blocks: Sequence[int]) -> int:
        """How many blocks, from the first on, are here."""
        held, kept = self._held, self._kept
        for count, block in enumerate(blocks):
            if block not in held and block not in kept:
                return count
        return len(blocks)

    def claim(self, blocks: Sequence[int], private: int) -> bool:
        """Take room for a prompt's blocks and ``private`` tokens beside them; False and nothing taken without room."""
        held, kept = self._held, self._kept
        added = sum(block not in held for block in blocks)
        free = self.capacity - self.used - private - BLOCK_TOKENS * added
        if free < 0:
            return False
        for block in blocks:
            held[block] = held.get(block, 0) + 1
            kept.pop(block, None)
        self._private += private
        while kept and BLOCK_TOKENS * len(kept) > free:
            kept.popitem(last=False)
        return True

    def release(self, blocks: Sequence[int], private: int) -> None:
        """A request ended: its blocks may be found again while nobody needs the room."""
        held, kept = self._held, self._kept
        self._private -= private
        for block in reversed(blocks):
            users = held[block] - 1
            if users:
                held[block] = users
            else:
                del held[block]
                kept[block] = None

    def clear(self) -> None:
        self._held.clear()
        self._kept.clear()
        self._private = 0
