"""The nodes of one model, kept in order as they change, so that choosing does not look at all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterator

from llmlb.core.lineup import Absences, LeftOut, Lineup
from llmlb.core.load import LoadOrder
from llmlb.core.node import Fitness, Ineligibility, Node, NodeId

_FIT, _UNMEASURED = Fitness.FIT, Fitness.UNMEASURED
"""Looking up a member of an enumeration takes longer than the comparison."""


class EligibleNodes:
    """What a policy is shown for one model; ``serving`` also holds those that get no work at the moment.

    Fleet decides who is eligible; this class only keeps the structures. Implements ``choice.Candidates``.
    """

    __slots__ = (
        "_absences",
        "fit",
        "half_open",
        "lineup",
        "model",
        "nodes",
        "others",
        "panicking",
        "ready_at_s",
        "serving",
        "unmeasured",
    )

    def __init__(self, model: str) -> None:
        self.model = model
        """Canonical name; empty for the nodes that serve any model."""
        self.nodes: OrderedDict[NodeId, Node] = OrderedDict()
        """The eligible, the one whose turn it is first."""
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

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __contains__(self, node: object) -> bool:
        return isinstance(node, Node) and self.nodes.get(node.id) is node

    def rotate(self) -> Node:
        node = next(iter(self.nodes.values()))
        self.nodes.move_to_end(node.id)
        return node

    def put(self, node: Node) -> None:
        """Make eligible, or move to where its present fitness and rank belong."""
        if node.id not in self.nodes:
            self.nodes[node.id] = node
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
        if node.id in self.nodes:
            if node.fitness is _FIT:
                self.fit.put(node)
            elif node.fitness is _UNMEASURED:
                self.unmeasured.put(node)

    def remove(self, node: Node) -> None:
        """Take out of the eligible; it goes on serving what it has."""
        if self._absences.note(node.id, (node.ineligibility or Ineligibility.CIRCUIT_OPEN)._value_):
            self.lineup = None
        if self.nodes.pop(node.id, None) is not None:
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
        self.lineup = Lineup(len(self.nodes), self._absences.left_out(), others)
        return self.lineup

    def without(self, tried: Container[NodeId]) -> EligibleNodes:
        """A copy that lacks some nodes, for a retry. O(n)."""
        rest = EligibleNodes(self.model)
        for node in self:
            if node.id not in tried:
                rest.put(node)
        return rest
