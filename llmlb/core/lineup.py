"""Who could be chosen for a model at one moment, and why the others could not: the part of a choice that passes.

A record keeps the ``Lineup`` of its choice. It is made from books that are kept as nodes change: a request that finds
nothing changed takes the one that is there, and one that does pays for ``NAMED_NODES`` nodes, however many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from msgspec import Struct

from llmlb.core.node import NodeId

NAMED_NODES = 20
"""Of a larger fleet the others are counted only."""


class LeftOut(Struct, frozen=True, gc=False, omit_defaults=True):
    """Nodes that were no candidates. counts: all of them, by reason; 0 for one that has passed.

    node_ids, reasons: side by side; those of ``NAMED_NODES`` at most that have been left out longest. A reason is an
    ``Ineligibility``, or the ``Exclusion`` of a node that is over a threshold, and so the last to be chosen.
    """

    node_ids: tuple[NodeId, ...] = ()
    reasons: tuple[str, ...] = ()
    counts: Mapping[str, int] = {}


class Lineup(Struct, frozen=True, gc=False, omit_defaults=True):
    """eligible: how many nodes could be chosen.  serving: those of the model that were left out.  others: the rest."""

    eligible: int
    serving: LeftOut = LeftOut()
    others: LeftOut = LeftOut()


class Absences:
    """Who is left out now, and why. Every change is O(1)."""

    __slots__ = ("_counts", "_reasons")

    def __init__(self) -> None:
        self._reasons: dict[NodeId, str] = {}
        self._counts: dict[str, int] = {}

    def note(self, node_id: NodeId, because: str) -> bool:
        """Leave a node out. True when that is news."""
        before = self._reasons.get(node_id)
        if before == because:
            return False
        counts = self._counts
        if before is not None:
            counts[before] -= 1
        self._reasons[node_id] = because
        counts[because] = counts.get(because, 0) + 1
        return True

    def end(self, node_id: NodeId) -> bool:
        """A node is not left out any more. True when that is news."""
        before = self._reasons.pop(node_id, None)
        if before is None:
            return False
        self._counts[before] -= 1
        return True

    def left_out(self) -> LeftOut:
        """As it is now. O(NAMED_NODES)."""
        reasons = self._reasons
        named = islice(reasons.values(), NAMED_NODES)
        return LeftOut(tuple(islice(reasons, NAMED_NODES)), tuple(named), self._counts.copy())
