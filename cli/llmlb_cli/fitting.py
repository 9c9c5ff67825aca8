"""Which verbs mean anything for a node, as the console decides it."""

from __future__ import annotations

from llmlb_cli.columns import Row


def fits(verb: str, row: Row) -> bool:
    """Whether a verb means anything for a node, by the console's own table; a verb not in it fits every node."""
    from llmlb_tui.model.acts import ACTS
    from llmlb_tui.model.nodes import read_node

    node = read_node(row, 0.0)
    return node is not None and (verb not in ACTS or ACTS[verb].fits(node))
