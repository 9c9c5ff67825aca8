"""The metrics that have a line per node."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain

from llmlb.core.health import NodeState
from llmlb.core.node import Node, NodeId
from llmlb.telemetry import metrics as declared
from llmlb.telemetry.exposition_lines import family, label_set, line
from llmlb.telemetry.metrics import Metric

SELECTIONS_SLICE = 250
"""Nodes with up to sixteen reasons each: by far the longest family, so it comes in pieces."""


class _NodeLines:
    """Templates of one node's lines."""

    __slots__ = (
        "_node_id", "_reasons", "_selections", "active", "gpu", "heartbeats", "heartbeats_alias", "score", "states",
        "states_alias", "temperature", "timeouts", "timeouts_alias", "vram",
    )  # fmt: skip

    def __init__(self, node_id: NodeId) -> None:
        label = label_set({"node_id": node_id})
        self._node_id = node_id
        self._reasons = 0
        self._selections = ""
        self.gpu = line(declared.NODE_GPU_USAGE, label)
        self.vram = line(declared.NODE_VRAM_USAGE, label)
        self.temperature = line(declared.NODE_TEMPERATURE, label)
        self.active = line(declared.NODE_ACTIVE, label)
        self.score = line(declared.NODE_SCORE, label)
        self.heartbeats = line(declared.HEARTBEATS, label)
        self.heartbeats_alias = line(declared.HEARTBEATS_ALIAS, label)
        self.timeouts = line(declared.NODE_TIMEOUTS, label)
        self.timeouts_alias = line(declared.NODE_TIMEOUTS_ALIAS, label)
        self.states = _state_lines(declared.NODE_STATE, node_id)
        self.states_alias = _state_lines(declared.NODE_STATE_ALIAS, node_id)

    def selections(self, reasons: Collection[str]) -> str:
        """A template for the counts of these reasons, in their order."""
        if len(reasons) != self._reasons:
            # Reasons are only ever added, so their number tells whether there are new ones.
            self._reasons = len(reasons)
            labels = (label_set({"node_id": self._node_id, "reason": reason}) for reason in reasons)
            self._selections = "".join([line(declared.NODE_SELECTIONS, label, "%d") for label in labels])
        return self._selections


class NodeExposition:
    """Renders the families of nodes; remembers the lines of those that are there."""

    def __init__(self) -> None:
        # By the node and not its id: a namesake registered later has reasons of its own.
        self._lines: dict[Node, _NodeLines] = {}

    def families(self, nodes: Sequence[Node], now_s: float) -> Iterator[str]:
        """The text in pieces, so that a caller may do something else in between."""
        lines = self._lines_of(nodes)
        yield from _figures(nodes, lines, now_s)
        yield family(declared.NODE_ACTIVE, [at.active for at in lines], [node.active for node in nodes])
        yield family(declared.NODE_SCORE, [at.score for at in lines], [node.score for node in nodes])
        beats = [node.heartbeats for node in nodes]
        yield family(declared.HEARTBEATS, [at.heartbeats for at in lines], beats)
        yield family(declared.HEARTBEATS_ALIAS, [at.heartbeats_alias for at in lines], beats)
        timeouts = [node.timeouts for node in nodes]
        yield family(declared.NODE_TIMEOUTS, [at.timeouts for at in lines], timeouts)
        yield family(declared.NODE_TIMEOUTS_ALIAS, [at.timeouts_alias for at in lines], timeouts)
        states = [node.state for node in nodes]
        yield declared.NODE_STATE.head + "".join([at.states[state] for at, state in zip(lines, states, strict=True)])
        alias = [at.states_alias[state] for at, state in zip(lines, states, strict=True)]
        yield declared.NODE_STATE_ALIAS.head + "".join(alias)
        yield declared.NODE_SELECTIONS.head
        for first in range(0, len(nodes), SELECTIONS_SLICE):
            yield _selections(nodes[first : first + SELECTIONS_SLICE], lines[first : first + SELECTIONS_SLICE])

    def _lines_of(self, nodes: Sequence[Node]) -> list[_NodeLines]:
        known = self._lines
        lines = [known.get(node) or _NodeLines(node.id) for node in nodes]
        self._lines = dict(zip(nodes, lines, strict=True))
        return lines


def _selections(nodes: Sequence[Node], lines: Sequence[_NodeLines]) -> str:
    templates = [at.selections(node.selections) for at, node in zip(lines, nodes, strict=True)]
    return "".join(templates) % tuple(chain.from_iterable([node.selections.values() for node in nodes]))


def _figures(nodes: Sequence[Node], lines: Sequence[_NodeLines], now_s: float) -> Iterator[str]:
    fresh = [
        (at, figures)
        for at, node in zip(lines, nodes, strict=True)
        if (figures := node.figures) is not None and node.has_fresh_figures(now_s)
    ]
    gpu = [(at.gpu, figures.gpu_percent) for at, figures in fresh if figures.gpu_percent is not None]
    yield family(declared.NODE_GPU_USAGE, [at for at, _ in gpu], [percent for _, percent in gpu])
    vram = [(at.vram, figures.vram_percent) for at, figures in fresh if figures.vram_percent is not None]
    yield family(declared.NODE_VRAM_USAGE, [at for at, _ in vram], [percent for _, percent in vram])
    warm = [(at, figures.temperature_c) for at, figures in fresh if figures.temperature_c is not None]
    yield family(declared.NODE_TEMPERATURE, [at.temperature for at, _ in warm], [degrees for _, degrees in warm])


def _state_lines(metric: Metric, node_id: NodeId) -> dict[NodeState, str]:
    """For each state that the node may be in, the lines that say so."""
    labels = {state: label_set({"node_id": node_id, "state": state}) for state in NodeState}
    return {
        present: "".join(line(metric, labels[state], "%d") for state in NodeState)
        % tuple(state is present for state in NodeState)
        for present in NodeState
    }
