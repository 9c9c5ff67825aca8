"""One GET over a connection of our own, to see what a client library hides: head, idle time, proxies."""

from __future__ import annotations

import http.client
import select
import socket
from collections.abc import Mapping
from typing import NamedTuple

from llmlb.client.answers import tls_context
from llmlb.clock import monotonic_s
from llmlb.errors import ConfigurationError

MAX_BODY_BYTES = 256 * 1024


class Probed(NamedTuple):
    """What came back. headers: lower-case names, printable.  closed_after_s: None while it was still open."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    closed_after_s: float | None = None


class Place(NamedTuple):
    """Where to connect. address: what is dialled; host: what is asked for."""

    scheme: str
    host: str
    address: str
    port: int


def probe(
    place: Place,
    path: str,
    *,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    idle_s: float = 0.0,
    ca_file: str | None = None,
) -> Probed:
    """Ask once. idle_s: then keep the connection idle for so long and see whether the other side closes it.

    Raises OSError, http.client.HTTPException, and ConfigurationError for an unusable CA file.
    """
    connection = http.client.HTTPConnection(place.host, place.port, timeout=timeout_s)
    try:
        connection.sock = _socket(place, timeout_s, ca_file)
        wanted = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        connection.request("GET", path, headers=wanted)
        response = connection.getresponse()
        body = response.read(MAX_BODY_BYTES)
        found = {name.lower(): _printable(value) for name, value in response.getheaders()}
        closed_after_s = None
        # One that says it closes after each answer is not kept by anybody.
        if idle_s and not response.will_close and response.isclosed():
            closed_after_s = _closed_after_s(connection.sock, idle_s)
        return Probed(response.status, found, body, closed_after_s)
    finally:
        connection.close()


def _socket(place: Place, timeout_s: float, ca_file: str | None) -> socket.socket:
    plain = socket.create_connection((place.address, place.port), timeout=timeout_s)
    if place.scheme != "https":
        return plain
    try:
        return tls_context(ca_file).wrap_socket(plain, server_hostname=place.host)
    except (OSError, ConfigurationError):
        plain.close()
        raise


def _closed_after_s(connection: socket.socket, idle_s: float) -> float | None:
    """When the other side closed an idle connection, None if it did not within the time."""
    began_s = monotonic_s()
    readable, _, _ = select.select([connection], [], [], idle_s)
    # Nothing was asked, so whatever comes is the end, or a server that speaks out of turn.
    return monotonic_s() - began_s if readable else None


def _printable(text: str) -> str:
    return "".join(character for character in text[:500] if character.isprintable())
