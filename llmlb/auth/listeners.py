"""Where the router itself can be reached: a node with such an address would send requests in circles."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import psutil

from llmlb.auth.addresses import unmapped


def listening_addresses(host: str, port: int) -> frozenset[tuple[str, int]]:
    """Every (ip, port) under which a listener bound to this host and port answers.

    A wildcard host answers on every address the machine has now. A name is resolved, so call it at the start.
    """
    try:
        bound = {unmapped(ip_address(host.strip("[]")))}
    except ValueError:
        bound = {unmapped(ip_address(text)) for text in _resolved(host)}
    if any(ip.is_unspecified for ip in bound):
        bound |= {unmapped(ip_address(text)) for text in _machine_addresses()}
        bound |= {ip_address("127.0.0.1"), ip_address("::1")}
    return frozenset((str(ip), port) for ip in bound if not ip.is_unspecified)


def _resolved(host: str) -> set[str]:
    try:
        answers = socket.getaddrinfo(host or "0.0.0.0", None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {str(address[0]).partition("%")[0] for *_, address in answers}


def _machine_addresses() -> set[str]:
    families = (socket.AF_INET, socket.AF_INET6)
    interfaces = psutil.net_if_addrs().values()
    return {entry.address.partition("%")[0] for entries in interfaces for entry in entries if entry.family in families}
