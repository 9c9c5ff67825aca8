"""Node URLs under this router's rules."""

from __future__ import annotations

import ipaddress

from llmlb.api.services import Services
from llmlb.auth.urls import NodeAddress, check_node_url, resolve_node
from llmlb.errors import NodeUrlRefused


def node_address(services: Services, url: str) -> NodeAddress:
    """The checked address behind a URL; raises NodeUrlRefused. Asks no name server."""
    return check_node_url(
        url.strip(), loopback_allowed=_loopback_allowed(services), own_addresses=services.own_addresses
    )


async def pinned_address(services: Services, url: str) -> str:
    """The IP address to dial for a URL that is about to be approved; raises NodeUrlRefused."""
    return (await node_addresses(services, url))[0]


async def node_addresses(services: Services, url: str) -> tuple[str, ...]:
    """The IP addresses that a URL leads to now, the one to dial first; raises NodeUrlRefused."""
    address = node_address(services, url)
    return await resolve_node(
        address, loopback_allowed=_loopback_allowed(services), own_addresses=services.own_addresses
    )


def is_same_origin(address: NodeAddress, url: str) -> bool:
    """Whether a stored URL leads to the same scheme, host and port, whatever the rules are by now."""
    try:
        stored = check_node_url(url, loopback_allowed=True)
    except NodeUrlRefused:
        return False
    return (stored.scheme, stored.host, stored.port) == (address.scheme, address.host, address.port)


def _loopback_allowed(services: Services) -> bool:
    """A router that serves its own machine only may use engines there; one on a network must not be led there."""
    host = services.settings.server.host
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
