"""Orders of the list: by one key or by several, each in its natural direction or reversed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from operator import eq
from typing import NamedTuple

from llmlb.errors import ConfigurationError
from llmlb_tui.model.nodes import NodeRow
from llmlb_tui.model.traffic import NO_FLOWS, Flows

_DIGITS = re.compile(r"(\d+)")

NaturalKey = tuple[tuple[int, int, str], ...]


def natural_key(text: str) -> NaturalKey:
    """node-2 before node-10."""
    parts = _DIGITS.split(text.lower())
    return tuple((1, int(part), "") if part.isdecimal() and part.isascii() else (0, 0, part) for part in parts)


_natural_keys: dict[str, NaturalKey] = {}


def _id_key(node: NodeRow) -> NaturalKey:
    known = _natural_keys.get(node.id)
    if known is None:
        if len(_natural_keys) > 20_000:
            _natural_keys.clear()
        known = _natural_keys[node.id] = natural_key(node.id)
    return known


class Moment(NamedTuple):
    """What an order may look at besides a node. now_unix_s: the router's clock."""

    now_unix_s: float
    flows: Flows


class SortKey(NamedTuple):
    """One way to sort. letter: behind ``s``.  falls: the largest first, unless reversed.

    get: the value; None goes to the end in either direction.
    """

    name: str
    letter: str
    label: str
    falls: bool
    get: Callable[[NodeRow, Moment], float | NaturalKey | str | None]


_KEYS = (
    SortKey("attn", "a", "ATTN", False, lambda node, at: node.attention),
    SortKey("id", "n", "NODE", False, lambda node, at: _id_key(node)),
    SortKey("state", "e", "STATE", False, lambda node, at: node.mood),
    SortKey("gpu", "g", "GPU", True, lambda node, at: node.gpu),
    SortKey("vram", "v", "VRAM", True, lambda node, at: node.vram),
    SortKey("temp", "t", "TEMP", True, lambda node, at: node.temp),
    SortKey("act", "c", "ACT", True, lambda node, at: node.active),
    SortKey("total", "o", "TOTAL", True, lambda node, at: node.total),
    SortKey("avg", "r", "AVG", True, lambda node, at: node.avg_ms),
    SortKey("ttft", "f", "TTFT", True, lambda node, at: node.ttft_ms),
    SortKey("rps", "q", "REQ/S", True, lambda node, at: at.flows.requests_per_s(node.id)),
    SortKey("tps", "w", "TOK/S", True, lambda node, at: at.flows.tokens_per_s(node.id)),
    SortKey("seen", "l", "SEEN", True, lambda node, at: node.seen_s(at.now_unix_s)),
    SortKey("up", "u", "UP", True, lambda node, at: node.up_s(at.now_unix_s)),
    SortKey("hb", "h", "HEART", True, lambda node, at: node.heartbeats),
    SortKey("failed", "x", "FAILED", True, lambda node, at: node.failed),
    SortKey("score", "p", "SCORE", True, lambda node, at: node.score),
    SortKey("model", "m", "MODEL", False, lambda node, at: node.models[0].lower() if node.models else None),
    SortKey("tags", "k", "TAGS", False, lambda node, at: node.tags[0].lower() if node.tags else None),
)
SORT_KEYS: Mapping[str, SortKey] = {key.name: key for key in _KEYS}


class Ordered(NamedTuple):
    """A key in a direction."""

    key: SortKey
    is_reversed: bool = False

    @property
    def falls(self) -> bool:
        return self.key.falls is not self.is_reversed

    @property
    def text(self) -> str:
        return ("-" if self.is_reversed else "") + self.key.name


Order = tuple[Ordered, ...]

DEFAULT_ORDER: Order = (Ordered(SORT_KEYS["attn"]), Ordered(SORT_KEYS["gpu"]))


def parse_order(text: str) -> Order:
    """``gpu,-id``: keys from the most important on; - reverses. Raises ConfigurationError with the known names."""
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if not words:
        return DEFAULT_ORDER
    order: list[Ordered] = []
    for word in words:
        key = SORT_KEYS.get(word.removeprefix("-"))
        if key is None:
            known = ", ".join(SORT_KEYS)
            raise ConfigurationError(f"there is no order by {word.removeprefix('-')!r}; known: {known}")
        order.append(Ordered(key, word.startswith("-")))
    return tuple(order)


def order_text(order: Order) -> str:
    """What ``parse_order`` reads."""
    return ",".join(each.text for each in order)


def chosen(order: Order, key: SortKey, *, added: bool) -> Order:
    """The order after a key was chosen: alone, or behind the ones there are; chosen twice it turns round."""
    if added:
        rest = tuple(each for each in order if each.key is not key)
        return (*rest, Ordered(key))
    if order and order[0].key is key:
        return reversed_order(order)
    # Equal rows keep a stable place, whatever the key.
    return (Ordered(key),) if key.name == "id" else (Ordered(key), Ordered(SORT_KEYS["id"]))


def reversed_order(order: Order) -> Order:
    """The first key turned round."""
    return (Ordered(order[0].key, not order[0].is_reversed), *order[1:]) if order else order


def sort_nodes(nodes: Iterable[NodeRow], order: Order, now_unix_s: float, flows: Flows = NO_FLOWS) -> list[NodeRow]:
    """The nodes in order; equal ones by id, unknown values last."""
    return _in_order(list(nodes), order, Moment(now_unix_s, flows))


def _in_order(rows: list[NodeRow], order: Order, at: Moment) -> list[NodeRow]:
    if len(rows) < 2:
        return rows
    if not order:
        return sorted(rows, key=_id_key)
    each, rest = order[0], order[1:]
    values = [each.key.get(row, at) for row in rows]
    unknown: list[NodeRow] = []
    if None in values:
        unknown = [row for row, value in zip(rows, values, strict=True) if value is None]
        rows = [row for row, value in zip(rows, values, strict=True) if value is not None]
        values = [value for value in values if value is not None]
    places = sorted(range(len(rows)), key=values.__getitem__, reverse=each.falls)  # type: ignore[arg-type]  # values of one key compare
    ordered = list(map(rows.__getitem__, places))
    _order_equals(ordered, list(map(values.__getitem__, places)), rest, at)
    return ordered + _in_order(unknown, rest, at)


def _order_equals(rows: list[NodeRow], values: Sequence[object], rest: Order, at: Moment) -> None:
    """Put those of one value in order by the rest. values: of the rows, which are in order by them."""
    runs: list[tuple[int, int]] = []
    for place in compress(range(len(values)), map(eq, values, values[1:])):
        begin = runs.pop()[0] if runs and runs[-1][1] == place + 1 else place
        runs.append((begin, place + 2))
    for begin, end in runs:
        rows[begin:end] = _in_order(rows[begin:end], rest, at)
