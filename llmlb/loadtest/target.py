"""Where a load test sends its requests."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from llmlb.errors import ConfigurationError

_FORBIDDEN = frozenset("\r\n\0")


@dataclass(frozen=True, slots=True)
class Target:
    """One OpenAI-compatible server.

    url: base address; a path prefix is kept, a trailing ``/v1`` is not needed.  api_key: sent as a bearer token,
    empty for none.  tenant_keys: per tenant the key that its requests carry instead.  headers: sent with every
    request.  ca_file: the CA of a private server, empty for the system's.  name: what a report calls it, empty for
    its URL.  pin: the node this address is, when requests of the other side shall be pinned to it.
    """

    url: str
    name: str = ""
    api_key: str = field(default="", repr=False)
    tenant_keys: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    ca_file: str = ""
    verify_tls: bool = True
    pin: str = ""

    @property
    def origin(self) -> Origin:
        """The address to dial. Raises ConfigurationError for a URL that cannot be dialled."""
        return Origin.of(self.url)

    def head(self, path: str, *, method: str, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
        """Request line and fields up to, not including, those that differ per request.

        Raises ConfigurationError for a field that would break out of its line.
        """
        origin = self.origin
        fields = [("Host", origin.authority), ("User-Agent", "llmlb-loadtest")]
        if self.api_key:
            fields.append(("Authorization", f"Bearer {self.api_key}"))
        fields += [*self.headers, *headers]
        lines = [f"{method} {origin.prefix}{path} HTTP/1.1"]
        for name, value in fields:
            if _FORBIDDEN & set(name + value) or not name.isascii() or " " in name or ":" in name or not name:
                raise ConfigurationError(f"the request header {name!r} cannot be sent: a name and one line of text")
            lines.append(f"{name}: {value}")
        try:
            return ("\r\n".join(lines) + "\r\n").encode("latin-1")
        except UnicodeEncodeError:
            raise ConfigurationError("an API key or request header holds characters outside Latin-1") from None

    def tls_context(self) -> ssl.SSLContext | None:
        """The TLS settings, or None for plain HTTP. Raises ConfigurationError for an unreadable ``ca_file``."""
        if not self.origin.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"cannot read the CA file {self.ca_file}: {error}") from None
        if not self.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class Origin:
    """What a URL says about the connection."""

    host: str
    port: int
    tls: bool
    prefix: str

    @property
    def authority(self) -> str:
        """The value of the ``Host`` field."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @staticmethod
    def of(url: str) -> Origin:
        """Raises ConfigurationError unless the URL is a plain http or https address."""
        if _FORBIDDEN & set(url) or " " in url:
            raise ConfigurationError("the URL holds a space or a control character")
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port
        except ValueError as error:
            raise ConfigurationError(f"{url!r} is not a URL: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(f"{url!r} is no http or https URL; write it like http://127.0.0.1:8080")
        if parts.username is not None or parts.query or parts.fragment:
            raise ConfigurationError("the URL must not carry a password, a query or a fragment; use --api-key")
        tls = parts.scheme == "https"
        prefix = parts.path.rstrip("/").removesuffix("/v1")
        return Origin(parts.hostname, port or (443 if tls else 80), tls, prefix)
