"""Which IP addresses the router may dial. A node names its own address, so it may name anybody's."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IpAddress = IPv4Address | IPv6Address

METADATA_ADDRESSES = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # most clouds
        "fd00:ec2::254",  # AWS over IPv6
        "fd20:ce::254",  # Google over IPv6
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle
    )
)
"""Where clouds hand out a machine's credentials to whoever asks from it."""

_THIS_NETWORK = IPv4Network("0.0.0.0/8")
"""Linux takes all of it for the own machine."""

_IPV4_COMPATIBLE = IPv6Network("::/96")
_IPV4_TRANSLATED = IPv6Network("::ffff:0:0:0/96")
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_SITE_LOCAL = IPv6Network("fec0::/10")


class Refused(StrEnum):
    """Why an address is not dialled: for the router's log, never for whoever named it."""

    MALFORMED = "malformed"
    UNRESOLVED = "unresolved"
    LINK_LOCAL = "link-local"
    LOOPBACK = "loopback"
    METADATA = "metadata"
    MULTICAST = "multicast"
    OWN_LISTENER = "own-listener"
    RESERVED = "reserved"
    UNSPECIFIED = "unspecified"


def unmapped(ip: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one merely spells (``::ffff:1.2.3.4``), else the address itself."""
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip


def embedded(ip: IpAddress) -> IpAddress | None:
    """The IPv4 address that a packet to this IPv6 one ends up at: NAT64 (RFC 6052), 6to4, translated, compatible."""
    if not isinstance(ip, IPv6Address):
        return None
    if ip.sixtofour is not None:
        return ip.sixtofour
    spellings = (*_NAT64, _IPV4_TRANSLATED, _IPV4_COMPATIBLE)
    is_plain = int(ip) <= 1  # :: and ::1 are themselves
    return IPv4Address(int(ip) & 0xFFFFFFFF) if not is_plain and any(ip in net for net in spellings) else None


def refusal(
    ip: IpAddress, *, port: int, loopback_allowed: bool, own_addresses: Collection[tuple[str, int]]
) -> Refused | None:
    """Why this address is not dialled, or None.

    own_addresses: (ip, port) pairs where the router itself listens, none of them a wildcard.
    """
    ip = unmapped(ip)
    inner = embedded(ip)
    if inner is not None:
        found = refusal(inner, port=port, loopback_allowed=False, own_addresses=own_addresses)
        if found is not None:
            return found
    if ip in METADATA_ADDRESSES:
        return Refused.METADATA
    if ip.is_unspecified or (isinstance(ip, IPv4Address) and ip in _THIS_NETWORK):
        return Refused.UNSPECIFIED
    if ip.is_multicast:
        return Refused.MULTICAST
    if ip.is_link_local:
        return Refused.LINK_LOCAL
    if _is_own(ip, port, own_addresses):
        return Refused.OWN_LISTENER
    if ip.is_loopback:
        return None if loopback_allowed else Refused.LOOPBACK
    return Refused.RESERVED if _is_reserved(ip) else None


def _is_reserved(ip: IpAddress) -> bool:
    if isinstance(ip, IPv4Address):
        return ip.is_reserved  # 240.0.0.0/4, which holds the broadcast address
    return ip in _SITE_LOCAL or ip.teredo is not None


def _is_own(ip: IpAddress, port: int, own_addresses: Collection[tuple[str, int]]) -> bool:
    for text, own_port in own_addresses:
        if own_port != port:
            continue
        own = unmapped(ip_address(text))
        if own == ip or (own.is_loopback and ip.is_loopback):
            return True
    return False
