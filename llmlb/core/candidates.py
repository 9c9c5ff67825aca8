"""The nodes of one model, kept in order as they change, so that choosing does not look at all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterator

from llmlb.core.lineup import Absences, LeftOut, Lineup
from llmlb.core.load import LoadOrder
from llmlb.core.node import Fitness, Ineligibility, Node, NodeId


class EligibleNodes:
    """What a policy is shown for one model; ``serving`` also holds those that get no work at the moment.

    Fleet decides who is eligible; this class only keeps the structures. Implements ``choice.Candidates``.
    """

    __slots__ = (
        "_absences",
        "_rotation",
        "fit",
        "half_open",
        "lineup",
        "model",
        "others",
        "panicking",
        "ready_at_s",
        "serving",
        "unmeasured",
    )

    def __init__(self, model: str) -> None:
        self.model = model
        """Canonical name; empty for the nodes that serve any model."""
        self.serving: set[Node] = set()
        """Approved nodes that have the model, in any state."""
        self.half_open: dict[Node, None] = {}
        """Nodes whose circuit waits for one probe, the one that has waited longest first."""
        self.fit = LoadOrder()
        self.unmeasured = LoadOrder()
        self.panicking = False
        self.ready_at_s = float("-inf")
        """When the model last had a node that was up, busy or not."""
        self.lineup: Lineup | None = None
        """None when it has changed since somebody asked."""
        self.others: LeftOut | None = None
        """Nodes that do not serve the model; likewise."""
        self._absences = Absences()
        self._rotation: OrderedDict[Node, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rotation)

    def __iter__(self) -> Iterator[Node]:
        return iter(self._rotation)

    def __contains__(self, node: object) -> bool:
        return node in self._rotation

    def rotate(self) -> Node:
        node = next(iter(self._rotation))
        self._rotation.move_to_end(node)
        return node

    def put(self, node: Node) -> None:
        """Make eligible, or move to where its present fitness and rank belong."""
        if node not in self._rotation:
            self._rotation[node] = None
            self.lineup = None
        over = node.over
        if self._absences.end(node.id) if over is None else self._absences.note(node.id, over._value_):
            self.lineup = None
        match node.fitness:
            case Fitness.FIT:
                self.unmeasured.discard(node)
                self.fit.put(node)
            case Fitness.UNMEASURED:
                self.fit.discard(node)
                self.unmeasured.put(node)
            case Fitness.OVER:
                self.fit.discard(node)
                self.unmeasured.discard(node)

    def fell(self, node: Node) -> None:
        """Its load has fallen, and nothing else about it has changed."""
        if node in self._rotation:
            if node.fitness is Fitness.FIT:
                self.fit.put(node)
            elif node.fitness is Fitness.UNMEASURED:
                self.unmeasured.put(node)

    def remove(self, node: Node) -> None:
        """Take out of the eligible; it goes on serving what it has."""
        if self._absences.note(node.id, (node.ineligibility or Ineligibility.CIRCUIT_OPEN)._value_):
            self.lineup = None
        if node in self._rotation:
            del self._rotation[node]
            self.fit.discard(node)
            self.unmeasured.discard(node)

    def leave(self, node: Node) -> None:
        """It does not serve the model any more."""
        self.serving.discard(node)
        self.half_open.pop(node, None)
        self.remove(node)
        self._absences.end(node.id)
        self.lineup = None

    def line_up(self, others: LeftOut) -> Lineup:
        """Make ``lineup`` anew. others: see there; they are kept."""
        self.others = others
        self.lineup = Lineup(len(self._rotation), self._absences.left_out(), others)
        return self.lineup

    def without(self, tried: Container[NodeId]) -> EligibleNodes:
        """A copy that lacks some nodes, for a retry. O(n)."""
        rest = EligibleNodes(self.model)
        for node in self:
            if node.id not in tried:
                rest.put(node)
        return rest
