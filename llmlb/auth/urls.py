"""Which URLs a node may have. A URL is checked when it is named, resolved and pinned when it is approved.

The pinned address is what is dialled; a name that later points elsewhere changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from llmlb.auth.addresses import IpAddress, Refused, refusal, unmapped
from llmlb.errors import NodeUrlRefused

LONGEST_URL = 512
RESOLVE_TIMEOUT_S = 2.0

_log = logging.getLogger(__name__)

_URL = re.compile(
    r"(?P<scheme>https?)://(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<host>[a-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[a-z0-9._~-]*)*)",
    re.IGNORECASE | re.ASCII,
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LOOKS_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
_METADATA_NAMES = ("metadata.google.internal", "metadata", "instance-data", "instance-data.ec2.internal")
_DEFAULT_PORTS = {"http": 80, "https": 443}


REFUSED_URL = (
    "This URL cannot be a node's. Give http:// or https://, a host name or plain IP address, and a port, without "
    "user, query or fragment; it must resolve, and it may not lead to a link-local or metadata address or to this "
    "router itself, nor to loopback unless the router listens on loopback."
)
"""One text for every reason: the true one, told to whoever sent the URL, would map the router's network."""


def refused_url(reason: Refused) -> NodeUrlRefused:
    return NodeUrlRefused(REFUSED_URL, reason=reason)


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where a node says it is. host: a lower-case name, or an IP address without brackets.

    path_prefix: what stands before ``/v1`` ("" mostly): a URL may be given with or without its ``/v1``.
    """

    scheme: str
    host: str
    port: int
    path_prefix: str

    @property
    def url(self) -> str:
        """The URL in its one spelling."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path_prefix}"

    @property
    def ip(self) -> IpAddress | None:
        """The host as an address, None for a name."""
        return _ip_of(self.host)


def check_node_url(url: str, *, loopback_allowed: bool, own_addresses: Collection[tuple[str, int]] = ()) -> NodeAddress:
    """Reads a node's URL, or raises NodeUrlRefused. Asks no name server.

    loopback_allowed: the router listens on loopback itself.  own_addresses: see ``listeners``.
    """
    found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if found is None:
        raise refused_url(Refused.MALFORMED)
    scheme = found["scheme"].lower()
    port = int(found["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:
        raise refused_url(Refused.MALFORMED)
    host = _ipv6_host(found["ipv6"]) if found["ipv6"] else _host(found["host"].lower())
    address = NodeAddress(scheme, host, port, _path_prefix(found["path"]))
    if address.ip is not None:
        _refuse_if(address.ip, port, loopback_allowed=loopback_allowed, own_addresses=own_addresses)
    elif host == "localhost" or host.endswith(".localhost"):
        if not loopback_allowed:
            raise refused_url(Refused.LOOPBACK)
    elif host in _METADATA_NAMES:
        raise refused_url(Refused.METADATA)
    return address


def check_addresses(
    resolved: Iterable[str],
    *,
    port: int,
    loopback_allowed: bool,
    own_addresses: Collection[tuple[str, int]] = (),
) -> tuple[str, ...]:
    """The addresses of a name, each in its one spelling; raises NodeUrlRefused if any one may not be dialled.

    One bad answer condemns the name: which of them is dialled is the resolver's choice, and an attacker's.
    """
    checked = []
    for text in resolved:
        ip = _ip_of(text)
        if ip is None:
            raise refused_url(Refused.MALFORMED)
        _refuse_if(ip, port, loopback_allowed=loopback_allowed, own_addresses=own_addresses)
        checked.append(str(unmapped(ip)))
    if not checked:
        raise refused_url(Refused.UNRESOLVED)
    return tuple(checked)


async def resolve_node(
    address: NodeAddress,
    *,
    loopback_allowed: bool,
    own_addresses: Collection[tuple[str, int]] = (),
    timeout_s: float = RESOLVE_TIMEOUT_S,
) -> tuple[str, ...]:
    """The IP addresses that may be dialled, the one to pin first, once every answer has been found harmless.

    IPv4 answers come first: engines bind to it by default, ``localhost`` often answers ::1 first.
    Raises NodeUrlRefused, also when the name does not resolve in time.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            answers = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        _log.info("node name not resolved", extra={"host": address.host, "error": str(error)})
        raise refused_url(Refused.UNRESOLVED) from error
    found = [str(socket_address[0]) for *_, socket_address in answers]
    checked = check_addresses(found, port=address.port, loopback_allowed=loopback_allowed, own_addresses=own_addresses)
    return tuple(sorted(checked, key=lambda ip: ":" in ip))


def _refuse_if(ip: IpAddress, port: int, *, loopback_allowed: bool, own_addresses: Collection[tuple[str, int]]) -> None:
    reason = refusal(ip, port=port, loopback_allowed=loopback_allowed, own_addresses=own_addresses)
    if reason is not None:
        _log.info("node address refused", extra={"address": str(ip), "reason": reason.value})
        raise refused_url(reason)


def _host(text: str) -> str:
    """A name or a dotted IPv4 address. What a C library would read as a number (``0x7f.1``) is neither."""
    name = text.removesuffix(".")
    labels = name.split(".")
    if _LOOKS_NUMERIC.fullmatch(labels[-1]):
        ip = _ip_of(name)
        if ip is None or str(ip) != text:
            raise refused_url(Refused.MALFORMED)
        return text
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise refused_url(Refused.MALFORMED)
    return name


def _ipv6_host(text: str) -> str:
    try:
        return str(unmapped(IPv6Address(text)))
    except ValueError:
        raise refused_url(Refused.MALFORMED) from None


def _path_prefix(path: str) -> str:
    segments = [segment for segment in path.split("/")[1:] if segment]
    if any(segment in (".", "..") for segment in segments) or "//" in path:
        raise refused_url(Refused.MALFORMED)
    if segments and segments[-1] == "v1":
        segments.pop()
    return "".join(f"/{segment}" for segment in segments)


def _ip_of(text: str) -> IpAddress | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
