"""Where nodes are dialled: always the address that was checked and pinned, whatever their names resolve to by now."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import httpx

from llmlb.api.services import Services
from llmlb.auth.urls import NodeAddress, check_node_url
from llmlb.core.node import Node
from llmlb.errors import NodeUrlRefused
from llmlb.proxy.pool import NodeEndpoint

_log = logging.getLogger(__name__)


class Endpoints:
    """Turns nodes into what is dialled for them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._contexts: dict[str, ssl.SSLContext] = {}
        # Left to itself httpx reads all authorities for every client: 50 ms a probe, for URLs that use no TLS.
        self._no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def endpoint_of(self, node: Node) -> NodeEndpoint | None:
        """None for a node that was never approved, or whose URL the rules refuse by now."""
        record = self._services.node_records.get(node.id)
        if record is None or not node.is_approved:
            return None
        try:
            address = self._address(node)
        except NodeUrlRefused as error:
            _log.error("a node's URL is refused", extra={"node_id": node.id, "reason": str(error.reason)})
            return None
        pinned = record.address or (str(address.ip) if address.ip else "")
        if not pinned:
            return None
        key = self.api_key(node)
        return NodeEndpoint(
            address=pinned,
            port=address.port,
            host=_host_field(address),
            path_prefix=address.path_prefix,
            authorization=f"Bearer {key}" if key else "",
            tls=self._tls(node) if address.scheme == "https" else None,
            server_name=address.host if address.scheme == "https" else None,
        )

    def http_client(self, endpoint: NodeEndpoint, *, timeout_s: float) -> httpx.AsyncClient:
        """A client for probes that dials the pinned address whatever URL it is given."""
        transport = PinnedTransport(endpoint.address, verify=endpoint.tls or self._no_tls)
        return httpx.AsyncClient(transport=transport, timeout=timeout_s, trust_env=False, follow_redirects=False)

    def api_key(self, node: Node) -> str:
        """What the node's engine wants to see; empty for nothing."""
        return self._services.engine_key(node.id)

    def _address(self, node: Node) -> NodeAddress:
        return check_node_url(node.profile.url, loopback_allowed=True, own_addresses=self._services.own_addresses)

    def _tls(self, node: Node) -> ssl.SSLContext:
        configured = self._services.settings.nodes.get(node.id)
        ca_file = str(configured.ca_file) if configured is not None and configured.ca_file else ""
        context = self._contexts.get(ca_file)
        if context is None:
            context = ssl.create_default_context(cafile=str(Path(ca_file).expanduser()) if ca_file else None)
            self._contexts[ca_file] = context
        return context


class PinnedTransport(httpx.AsyncHTTPTransport):
    """Dials one address for every request, keeping the Host header and the TLS name of the URL."""

    def __init__(self, address: str, *, verify: ssl.SSLContext) -> None:
        super().__init__(verify=verify, retries=0)
        self._address = address

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": request.url.host}
        request.url = request.url.copy_with(host=self._address)
        return await super().handle_async_request(request)


def _host_field(address: NodeAddress) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"
