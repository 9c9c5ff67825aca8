"""The nodes that list no models, as each model that nobody lists is shown them.

Such a model is no more than a word of a client's, and there may be any number of them. So the nodes are kept in order
once for all, and what is kept of one model is the node that was last in its turns, for the latest ``MAX_TURNS`` only.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain, islice
from operator import attrgetter

from llmlb.core.candidates import EligibleNodes
from llmlb.core.node import Node, NodeId

MAX_TURNS = 1000
"""Models with turns of their own. One that is forgotten starts again, where a new one would."""

_id_of = attrgetter("id")


class NodesForAny(EligibleNodes):
    """The nodes that serve any model. ``as_of`` says which model's turns are taken from then on."""

    __slots__ = ("_asked", "_circle", "_last")

    def __init__(self) -> None:
        super().__init__("")
        self._asked = ""
        self._circle: list[Node] = []
        """The eligible by id: the order of everybody's turns, whoever comes and goes."""
        self._last: OrderedDict[str, NodeId] = OrderedDict()

    def as_of(self, model: str) -> NodesForAny:
        """The same nodes, as this model sees them until the next call."""
        self._asked = model
        return self

    def __iter__(self) -> Iterator[Node]:
        start = self._start()
        return chain(islice(self._circle, start, None), islice(self._circle, start))

    def rotate(self) -> Node:
        """O(log n)."""
        node, model = self._circle[self._start()], self._asked
        if model not in self._last:
            # The next model to come starts elsewhere: many that are asked for once must not all meet the same node.
            super().rotate()
        self._last[model] = node.id
        self._last.move_to_end(model)
        if len(self._last) > MAX_TURNS:
            self._last.popitem(last=False)
        return node

    def put(self, node: Node) -> None:
        if node not in self:
            insort(self._circle, node, key=_id_of)
        super().put(node)

    def remove(self, node: Node) -> None:
        if node in self:
            del self._circle[bisect_left(self._circle, node.id, key=_id_of)]
        super().remove(node)

    def _start(self) -> int:
        """Where in the circle the node is whose turn it is."""
        last = self._last.get(self._asked)
        if last is not None:
            return bisect_right(self._circle, last, key=_id_of) % max(1, len(self._circle))
        head = next(iter(self.nodes), None)
        return 0 if head is None else bisect_left(self._circle, head, key=_id_of)
