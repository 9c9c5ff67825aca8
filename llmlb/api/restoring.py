"""The fleet as the store remembers it, at the router's start."""

from __future__ import annotations

from collections.abc import Iterable

from llmlb.api.node_records import record_of, restore_node
from llmlb.api.services import Services
from llmlb.core.node import Node
from llmlb.store.rows import NodeCounters, NodeRow


def restore_fleet(services: Services, rows: Iterable[NodeRow], counters: Iterable[NodeCounters]) -> list[Node]:
    """Brings every stored node back in its last known state, with its token.

    Returns the nodes: the approved ones want a probe, for none works before it beats or answers.
    """
    by_id = {row.id: row for row in counters}
    now_s, now_unix_s = services.now_s(), services.now_unix_s()
    nodes: list[Node] = []
    for row in rows:
        configured = services.settings.nodes.get(row.id)
        node = restore_node(row, by_id.get(row.id), configured=configured, now_s=now_s, now_unix_s=now_unix_s)
        services.fleet.restore(node, now_s)
        services.node_records[node.id] = record_of(row)
        services.gatekeeper.put_node_token(node.id, row.token_hash)
        nodes.append(node)
    return nodes
