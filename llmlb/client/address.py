"""Where a router listens: the one place that reads a router URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, assert_never
from urllib.parse import quote, urlencode, urlsplit

from llmlb.errors import ConfigurationError

DEFAULT_ROUTER_URL = "http://127.0.0.1:8080"

QueryValue = str | int | float | bool
"""What may stand in a query string."""


# A NamedTuple, because importing dataclasses costs a one-shot command as much as its whole request.
class RouterAddress(NamedTuple):
    """A router's base URL in parts.

    prefix: the path in front of ``/v0`` where a reverse proxy adds one, without a trailing slash.
    """

    scheme: Literal["http", "https"]
    host: str
    port: int
    prefix: str = ""

    @property
    def url(self) -> str:
        """The base URL, spelled the same way for every spelling that was typed."""
        return f"{self.scheme}://{self.authority}{self.prefix}"

    @property
    def authority(self) -> str:
        """``host:port`` as it stands in a URL; the port is left out where the scheme implies it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == default_port(self.scheme) else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """True for this machine's own addresses: no credential sent there leaves the machine."""
        return is_loopback(self.host)

    def target(self, path: str, query: Mapping[str, QueryValue | None] | None = None) -> str:
        """The request target for ``path``, which is quoted already; query values of None are left out."""
        pairs = {name: query_text(value) for name, value in (query or {}).items() if value is not None}
        return f"{self.prefix}{path}" + (f"?{urlencode(pairs)}" if pairs else "")


def router_address(url: str) -> RouterAddress:
    """Read a router URL; raises ConfigurationError that says what is wrong with it."""
    text = url.strip()
    if "://" not in text:
        raise ConfigurationError(f"{url!r} is not a router URL; write http://HOST:PORT, as in {DEFAULT_ROUTER_URL}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{url!r} is not a router URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{url!r} is not a router URL; it starts with http:// or https:// and names a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(
            f"a router URL holds no user, query or fragment; use {parts.scheme}://{parts.hostname}"
        )
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return RouterAddress(scheme, parts.hostname, port or default_port(scheme), parts.path.rstrip("/"))


def default_port(scheme: Literal["http", "https"]) -> int:
    """The port a URL means when it names none."""
    match scheme:
        case "http":
            return 80
        case "https":
            return 443
        case _:
            assert_never(scheme)


def is_loopback(host: str) -> bool:
    """True for ``localhost`` and the literal loopback addresses; other names are never resolved here."""
    if host.lower().rstrip(".") == "localhost":
        return True
    import ipaddress  # late: only credentials ask, and a start must be fast

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def segment(name: str) -> str:
    """One path segment: everything but unreserved characters is escaped, so no name can leave its segment."""
    return quote(name, safe="")


def query_text(value: QueryValue) -> str:
    """Booleans as JSON writes them; everything else as ``str``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
