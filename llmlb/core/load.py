"""Thresholds, and nodes kept in order of load.

``LoadOrder`` answers "fewest active, then higher score, then lower GPU, then longest not chosen" without a look at all
nodes: a heap of integer ranks with lazy repair. A rank that rose (a dispatch) leaves a stale, too low entry that is
corrected when it reaches the top; a rank that fell (a request ended) is pushed again. Amortised O(log n).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace

from llmlb.core.choice import Reason
from llmlb.core.node import Exclusion, Figures, Fitness, Node

_TURN_BITS = 48
_GPU_BITS = 14
_SCORE_BITS = 20
_GPU_SHIFT = _TURN_BITS
_SCORE_SHIFT = _GPU_SHIFT + _GPU_BITS
_ONE_GPU, _ONE_SCORE = 1 << _GPU_SHIFT, 1 << _SCORE_SHIFT
ONE_ACTIVE = 1 << _SCORE_SHIFT + _SCORE_BITS
"""What one more request adds to a rank. One more turn adds 1."""
MAX_SCORE = 1_000_000
"""Of a node whose operator says so; a node's own formula ends at 10,000."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A node above one of these gets work only when nobody is below. Percent, percent, requests."""

    gpu_percent: float = 80.0
    vram_percent: float = 90.0
    active_requests: int = 10

    def exclusions(self, figures: Figures | None, active: int) -> tuple[Exclusion, ...]:
        """Which thresholds a node is over; figures None means that nothing was measured."""
        over: list[Exclusion] = []
        if figures is not None:
            if figures.gpu_percent is not None and figures.gpu_percent > self.gpu_percent:
                over.append(Exclusion.GPU)
            if figures.vram_percent is not None and figures.vram_percent > self.vram_percent:
                over.append(Exclusion.VRAM)
        if active > self.active_requests:
            over.append(Exclusion.ACTIVE)
        return tuple(over)

    def fitness(self, figures: Figures | None) -> Fitness:
        """How the GPU and VRAM thresholds see a node; figures None: none, or too old to count.

        Over one of them is over, whatever else is unknown; without the GPU's use nothing shows that it is fit.
        """
        if figures is None:
            return Fitness.UNMEASURED
        gpu, vram = figures.gpu_percent, figures.vram_percent
        if vram is not None and vram > self.vram_percent:
            return Fitness.OVER
        if gpu is None:
            return Fitness.UNMEASURED
        return Fitness.OVER if gpu > self.gpu_percent else Fitness.FIT


def rank_of(node: Node) -> int:
    """One integer that sorts nodes: active, then score descending, then GPU, then turn. GPU counts in hundredths."""
    figures = node.figures
    gpu = int((figures.gpu_percent or 0.0) * 100) if figures is not None and node.fitness is Fitness.FIT else 0
    packed = node.active << _SCORE_BITS | (MAX_SCORE - min(node.score, MAX_SCORE))
    return (packed << _GPU_BITS | gpu) << _TURN_BITS | node.turn


def criterion(winner: int, runner_up: int) -> Reason:
    """The first part in which two ranks differ: the reason why the winner won."""
    difference = winner ^ runner_up
    if difference < _ONE_GPU:
        return _ROUND_ROBIN
    if difference >= ONE_ACTIVE:
        return _LEAST_ACTIVE
    return Reason.HIGHEST_CAPABILITY if difference >= _ONE_SCORE else Reason.LOWEST_GPU


_BEHIND = 1 << 200
"""Above every rank."""
_ONLY, _LEAST_ACTIVE, _ROUND_ROBIN = Reason.ONLY_CANDIDATE, Reason.LEAST_ACTIVE, Reason.ROUND_ROBIN


class LoadOrder:
    """Nodes by rank, lowest first. Membership is explicit; ranks are read from the nodes."""

    __slots__ = ("_heap", "_queued")

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self._queued: dict[Node, int] = {node: node.rank for node in nodes}
        """The members, and under which rank each is in the heap: its own, or a lower one from before it rose."""
        # The turn in a rank is unique, so a comparison never reaches the node.
        self._heap: list[tuple[int, Node]] = [(rank, node) for node, rank in self._queued.items()]
        heapify(self._heap)

    def __len__(self) -> int:
        return len(self._queued)

    def __contains__(self, node: Node) -> bool:
        return node in self._queued

    def put(self, node: Node) -> None:
        """Add, or note that a member's rank may have fallen; a risen rank needs no call."""
        rank, queued = node.rank, self._queued
        if queued.get(node, _BEHIND) <= rank:
            return
        queued[node] = rank
        heappush(self._heap, (rank, node))
        if len(self._heap) > 2 * len(queued) + 64:
            self._heap = [(rank, node) for node, rank in queued.items()]
            heapify(self._heap)

    def discard(self, node: Node) -> None:
        self._queued.pop(node, None)

    def first(self) -> Node | None:
        """The least loaded node, still in its place."""
        heap, queued = self._heap, self._queued
        while heap:
            rank, node = heap[0]
            actual = node.rank
            if actual == rank and node in queued:
                return node
            if queued.get(node) == rank:
                queued[node] = actual
                heapreplace(heap, (actual, node))
            else:
                heappop(heap)
        return None

    def first_with_reason(self) -> tuple[Node, Reason] | None:
        """The least loaded node, and what set it apart from the second."""
        best = self.first()
        if best is None:
            return None
        heap, queued = self._heap, self._queued
        if len(heap) > 2:
            # The second is one of the two below the first, if that entry still holds.
            rank, node = heap[1] if heap[1] < heap[2] else heap[2]
            if node.rank == rank and node is not best and node in queued:
                return best, criterion(best.rank, rank)
        if len(queued) == 1:
            return best, _ONLY
        entry = heappop(heap)
        runner_up = self.first()
        while runner_up is best:
            heappop(heap)
            runner_up = self.first()
        heappush(heap, entry)
        if runner_up is None:
            return best, _ONLY
        return best, criterion(best.rank, runner_up.rank)
