"""What a filter can ask of a node, the same in the console and on the command line.

state:pending    also offline, online, draining, late, excluded, attention; state:p is enough
tag:pool=chat    a tag, or the part before its =

The language itself is ``llmlb.client.filters``.
"""

from __future__ import annotations

from typing import NamedTuple

from llmlb.client.filters import (
    DEGREES,
    MILLISECONDS,
    PERCENT,
    PLAIN,
    SECONDS,
    Figure,
    Predicate,
    Vocabulary,
    read_filter,
)
from llmlb.errors import FilterError
from llmlb_tui.model.nodes import NodeRow

__all__ = ["FIELDS", "Filter", "FilterError", "parse_filter"]


class Subject(NamedTuple):
    """What a filter looks at. now_unix_s: the router's clock, for ages."""

    node: NodeRow
    now_unix_s: float


class Filter(NamedTuple):
    """A filter as typed, and what it means."""

    text: str
    predicate: Predicate[Subject]

    def admits(self, node: NodeRow, now_unix_s: float) -> bool:
        return self.predicate(Subject(node, now_unix_s))


def parse_filter(text: str) -> Filter:
    """Read a filter of nodes; raises FilterError, which says where it stops making sense."""
    return Filter(text.strip(), read_filter(text, NODES))


_FIGURES: dict[str, Figure[Subject]] = {
    "gpu": Figure(lambda subject: subject.node.gpu, PERCENT),
    "vram": Figure(lambda subject: subject.node.vram, PERCENT),
    "temp": Figure(lambda subject: subject.node.temp, DEGREES),
    "cpu": Figure(lambda subject: subject.node.cpu, PERCENT),
    "memory": Figure(lambda subject: subject.node.memory, PERCENT),
    "active": Figure(lambda subject: subject.node.active, PLAIN),
    "total": Figure(lambda subject: subject.node.total, PLAIN),
    "failed": Figure(lambda subject: subject.node.failed, PLAIN),
    "avg": Figure(lambda subject: subject.node.avg_ms, MILLISECONDS),
    "ttft": Figure(lambda subject: subject.node.ttft_ms, MILLISECONDS),
    "seen": Figure(lambda subject: subject.node.seen_s(subject.now_unix_s), SECONDS),
    "up": Figure(lambda subject: subject.node.up_s(subject.now_unix_s), SECONDS),
    "beats": Figure(lambda subject: subject.node.heartbeats, PLAIN),
    "timeouts": Figure(lambda subject: subject.node.timeouts, PLAIN),
    "score": Figure(lambda subject: subject.node.score, PLAIN),
    "limit": Figure(lambda subject: subject.node.max_concurrency, PLAIN),
}

NODES: Vocabulary[Subject] = Vocabulary(
    named=lambda subject: (subject.node.id, subject.node.name, *subject.node.tags),
    texts={
        "id": lambda subject: (subject.node.id,),
        "node": lambda subject: (subject.node.id,),
        "name": lambda subject: (subject.node.name,),
        "machine": lambda subject: (subject.node.machine,),
        "url": lambda subject: (subject.node.url,),
        "note": lambda subject: (subject.node.note,),
        "model": lambda subject: subject.node.models,
        "loaded": lambda subject: subject.node.loaded,
        "card": lambda subject: subject.node.gpus,
        "circuit": lambda subject: (subject.node.circuit,),
        "excluded": lambda subject: subject.node.excluded_by,
        "tag": lambda subject: (*subject.node.tags, *(tag.partition("=")[0] for tag in subject.node.tags)),
    },
    figures=_FIGURES | {"act": _FIGURES["active"], "heart": _FIGURES["beats"], "err": _FIGURES["failed"]},
    states={
        "online": lambda subject: subject.node.state == "online",
        "pending": lambda subject: subject.node.state == "pending",
        "offline": lambda subject: subject.node.state == "offline",
        "draining": lambda subject: subject.node.draining,
        "late": lambda subject: subject.node.late,
        "excluded": lambda subject: bool(subject.node.excluded_by),
        "attention": lambda subject: subject.node.attention < 4,
    },
)

FIELDS = NODES.fields
"""For completion and help."""
