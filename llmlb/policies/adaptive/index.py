"""Which node has lately read which beginnings of prompts."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

MAX_BLOCKS = 100_000
"""For 200 MB of distinct text: about what the caches of a hundred large GPUs hold. 30 MB; at most 70 MB, where dozens
of nodes have read the same short prompts."""
MAX_HOLDERS = 32
EXPIRY_S = 1200.0
"""Engines drop cached blocks under pressure; after so long without use one is as good as gone."""
VISIT_S = 1.0
"""What a node reads within so long expires together: a visit for each prompt would take more memory than all else."""

Owner = TypeVar("Owner")


class Visit(Generic[Owner]):
    """What a node read within a second; all of these blocks refer to it."""

    __slots__ = ("at_s", "owner")

    def __init__(self, owner: Owner, at_s: float) -> None:
        self.owner = owner
        self.at_s = at_s


class PrefixIndex(Generic[Owner]):
    """From the chain hashes of ``core.prefix`` to the nodes that hold them. O(blocks of the prompt) a call.

    Bounded by ``max_blocks``, least recently used first out; a block remembers its 32 latest holders. Entries without
    use expire. Blocks that were read together share one tuple of holders, so an entry is little more than its key.
    """

    __slots__ = ("_entries", "_latest", "_max_blocks")

    def __init__(self, max_blocks: int = MAX_BLOCKS) -> None:
        self._entries: OrderedDict[int, tuple[Visit[Owner], ...]] = OrderedDict()
        self._latest: dict[Owner, Visit[Owner]] = {}
        self._max_blocks = max_blocks

    def __len__(self) -> int:
        return len(self._entries)

    def matches(self, blocks: tuple[int, ...], salt: int, now_s: float) -> dict[Owner, int]:
        """How many of the first blocks each node holds; nodes that hold none are not named."""
        found: dict[Owner, int] = {}
        oldest_s = now_s - EXPIRY_S
        run: tuple[Visit[Owner], ...] = ()
        depth = 0
        get = self._entries.get
        for block in blocks:
            holders = get(block ^ salt)
            if holders is not run:
                for visit in run:
                    if visit.at_s >= oldest_s:
                        found[visit.owner] = depth
                if holders is None:
                    return found
                run = holders
            depth += 1
        for visit in run:
            if visit.at_s >= oldest_s:
                found[visit.owner] = depth
        return found

    def record(self, blocks: tuple[int, ...], salt: int, owner: Owner, now_s: float) -> Visit[Owner]:
        """Note that a node reads these blocks now."""
        visit = self._visit(owner, now_s)
        alone: tuple[Visit[Owner], ...] = (visit,)
        entries = self._entries
        before: tuple[Visit[Owner], ...] | None = None
        after = alone
        # Deepest first: the shared beginnings stay youngest and are the last to be dropped.
        for block in reversed(blocks):
            key = block ^ salt
            holders = entries.get(key)
            if holders is not before:
                before = holders
                joined = alone if holders is None else (*_others(holders, owner), visit)
                if joined != after:
                    after = joined
            entries[key] = after
            entries.move_to_end(key)
        self._evict(now_s, spare=len(blocks))
        return visit

    def withdraw(self, blocks: tuple[int, ...], salt: int, visit: Visit[Owner]) -> None:
        """What was recorded turned out not to be there. What the node read of it at another time stays."""
        entries = self._entries
        for block in blocks:
            key = block ^ salt
            holders = entries.get(key)
            if holders is not None and visit in holders:
                entries[key] = tuple([other for other in holders if other is not visit])

    def forget(self, owner: Owner) -> None:
        """A node is gone. Its entries are left to expire: nobody asks for it any more."""
        self._latest.pop(owner, None)

    def _visit(self, owner: Owner, now_s: float) -> Visit[Owner]:
        visit = self._latest.get(owner)
        if visit is None or now_s - visit.at_s >= VISIT_S:
            visit = self._latest[owner] = Visit(owner, now_s)
        return visit

    def _evict(self, now_s: float, *, spare: int) -> None:
        entries = self._entries
        while len(entries) > self._max_blocks:
            entries.popitem(last=False)
        oldest_s = now_s - EXPIRY_S
        # A few more than were added, so that what expires goes away without a sweep over everything.
        for _ in range(2 * spare + 1):
            if not entries:
                return
            key = next(iter(entries))
            holders = entries[key]
            if holders and holders[-1].at_s >= oldest_s:
                return
            del entries[key]


def _others(holders: tuple[Visit[Owner], ...], owner: Owner) -> list[Visit[Owner]]:
    others = [visit for visit in holders if visit.owner is not owner]
    return others[1 - MAX_HOLDERS :]
