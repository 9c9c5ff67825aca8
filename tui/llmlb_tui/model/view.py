"""Which nodes are listed, in which order: a filter, an order and the columns, with the four that are kept ready."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from llmlb_tui.model.filters import Filter, parse_filter
from llmlb_tui.model.fleet import FleetState
from llmlb_tui.model.sorting import DEFAULT_ORDER, Order, sort_nodes


class SavedView(NamedTuple):
    """A view as it is kept: texts that ``parse_filter`` and ``parse_order`` read. columns: empty for the usual ones."""

    name: str
    filter: str = ""
    order: str = ""
    columns: tuple[str, ...] = ()


FIRST_VIEWS = (
    SavedView("all", "", "attn,gpu"),
    SavedView("attention", "state:attention", "attn,seen"),
    SavedView("load", "state:online", "gpu,vram"),
    SavedView("slow", "state:online", "avg,gpu"),
)
"""Behind the keys 1 to 4 until the operator saves others."""


@dataclass(slots=True)
class View:
    """What is listed now. columns: keys of columns, empty for the width's own."""

    filter: Filter = field(default_factory=lambda: parse_filter(""))
    order: Order = DEFAULT_ORDER
    columns: tuple[str, ...] = ()

    def ids(self, state: FleetState, now_s: float) -> list[str]:
        """The nodes that pass, in order. A few milliseconds for 1,000 nodes."""
        now_unix_s = state.router_now(now_s)
        nodes = state.nodes.values()
        shown = [node for node in nodes if self.filter.admits(node, now_unix_s)] if self.filter.text else nodes
        return [node.id for node in sort_nodes(shown, self.order, now_unix_s, state.flows)]


def first_views() -> dict[int, SavedView]:
    """The four views behind their keys."""
    return dict(enumerate(FIRST_VIEWS, 1))
