"""Nodes that registered under a host name: is it still the address that was approved?

Approval pins an address, so that nobody who controls a name can lead clients' prompts elsewhere later. Where the
operator allows nodes to move (``registration.allow_address_change``), the pin follows the name; otherwise the node says
why it may have become unreachable. A name that does not resolve changes nothing: what was pinned last stays.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from llmlb.api.node_records import node_row
from llmlb.api.node_urls import node_address, node_addresses
from llmlb.api.services import Services
from llmlb.core.change import Change, ChangeKind
from llmlb.core.node import Node
from llmlb.errors import NodeUrlRefused, StoreError

NAMES_INTERVAL_S = 30.0

_log = logging.getLogger(__name__)


class Names:
    """Looks again at where the names of approved nodes lead."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._told: dict[Node, str] = {}

    async def one_round(self) -> None:
        """One name after the other: nobody waits for this, and a name server should not be flooded."""
        fleet = self._services.fleet
        self._told = {node: address for node, address in self._told.items() if fleet.get(node.id) is node}
        for node in list(fleet):
            if node.is_approved and self._is_named(node):
                await self._look(node)

    def _is_named(self, node: Node) -> bool:
        try:
            return node_address(self._services, node.profile.url).ip is None
        except NodeUrlRefused:
            return False

    async def _look(self, node: Node) -> None:
        services = self._services
        try:
            addresses = await node_addresses(services, node.profile.url)
        except NodeUrlRefused as error:
            _log.info("a node's name leads nowhere", extra={"node_id": node.id, "reason": str(error.reason)})
            return
        async with services.locks.hold(f"node:{node.id}"):
            record = services.node_records.get(node.id)
            if record is None or not node.is_approved or services.fleet.get(node.id) is not node:
                return
            if record.address in addresses:
                self._told.pop(node, None)
            elif services.settings.registration.allow_address_change:
                await self._follow(node, addresses[0])
            else:
                self._complain(node, record.address, addresses[0])

    async def _follow(self, node: Node, address: str) -> None:
        services = self._services
        record = replace(services.node_records[node.id], address=address)
        try:
            await services.store.save_node(node_row(node, record))
        except StoreError as error:
            _log.warning("a node's new address was not saved", extra={"node_id": node.id, "error": error.message})
            return
        services.node_records[node.id] = record
        services.redial(node)
        services.announce([Change(ChangeKind.MOVED, node.id, f"its name leads to {address} now")])

    def _complain(self, node: Node, pinned: str, address: str) -> None:
        if self._told.get(node) == address:
            return
        self._told[node] = address
        node.last_error = f"its name leads to {address} now, approved was {pinned}: delete it and let it register again"
        _log.warning(
            "a node's name leads to another address than the approved one; it is dialled where it was approved",
            extra={"node_id": node.id, "approved": pinned, "now": address},
        )
