"""Where a request came from: the address that counts, and whether it is this machine itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from llmlb.errors import ConfigurationError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDING_HEADERS = ("x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "x-forwarded-proto", "via")
"""Whoever sends one of these stands between the client and us."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A client's address; "" where it has none.

    is_loopback: it is connected directly from this machine. A proxied request never is, whoever its client is.
    """

    address: str
    is_loopback: bool


class TrustedProxies:
    """The proxies whose word about their client's address counts."""

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        """addresses: addresses and networks; raises ConfigurationError for anything else."""
        self._networks: list[Network] = []
        for text in addresses:
            try:
                self._networks.append(ipaddress.ip_network(text, strict=False))
            except ValueError as error:
                message = f"server.trusted_proxies: {text!r} is neither an address nor a network such as 10.0.0.0/8."
                raise ConfigurationError(message) from error

    def peer_of(self, scope: Scope) -> Peer:
        """Who sent the request of an ASGI scope."""
        client = scope.get("client")
        host = _plain(client[0]) if client else ""
        headers = Headers(scope=scope)
        if any(name in headers for name in FORWARDING_HEADERS):
            told = ",".join(headers.getlist("x-forwarded-for"))
            return Peer(self.client_of(host, told), is_loopback=False)
        address = _address_of(host)
        return Peer(host, is_loopback=address is not None and address.is_loopback)

    def client_of(self, host: str, forwarded_for: str) -> str:
        """The last address that no trusted proxy vouches for. Each proxy appends the peer it saw.

        host: the peer's.  forwarded_for: the value of ``X-Forwarded-For``, "" for none.
        """
        chain = [part.strip() for part in forwarded_for.split(",") if part.strip()]
        while chain and self._trusts(host):
            nearest = _plain(chain.pop())
            if _address_of(nearest) is None:
                break
            host = nearest
        return host

    def _trusts(self, host: str) -> bool:
        address = _address_of(host)
        if address is None:
            return False
        return any(address.version == network.version and address in network for network in self._networks)


def _plain(host: str) -> str:
    """An address in its usual spelling: IPv4 inside IPv6 unwrapped, zone and brackets removed."""
    address = _address_of(host.strip("[]").partition("%")[0])
    if address is None:
        return host[:64]
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _address_of(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
