"""The HTTP side of the typed client: one pool, one deadline, foreign exceptions translated at this edge."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from llmlb.client.address import QueryValue, router_address
from llmlb.client.answers import bearer, decode, refusal, tls_context, unreachable
from llmlb.errors import RouterUnreachable

_POOL = httpx.Limits(max_connections=16, max_keepalive_connections=4, keepalive_expiry=60.0)
"""Keep-alive below the router's own 75 s, so that a pooled connection is dropped here first."""


class RouterConnection:
    """Requests to one router. It follows no redirect and no proxy variable: credentials go nowhere else."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        ca_file: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.address = router_address(url)
        self._timeout_s = timeout_s
        is_tls = self.address.scheme == "https" and transport is None
        # A plain connection needs no authorities; loading them costs 20 ms at every start.
        verify = tls_context(ca_file) if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.AsyncClient(
            verify=verify,
            timeout=timeout_s,
            limits=_POOL,
            transport=transport,
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Close every connection of the pool."""
        await self._http.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None,
        body: object = None,
        query: Mapping[str, QueryValue | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> object:
        """The answer's JSON, None for an empty answer; raises RouterUnreachable and RouterRefused."""
        response = await self.exchange(method, path, token=token, body=body, query=query, headers=headers)
        return decode(response.status_code, response.headers, response.content, url=self.address.url)

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        token: str | None,
        body: object = None,
        query: Mapping[str, QueryValue | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The whole answer, whatever its status; raises RouterUnreachable."""
        try:
            return await self._http.request(
                method, self._target(path, query), json=body, headers=_fields(token, headers)
            )
        except (httpx.HTTPError, OSError) as error:
            raise self._unreachable(error, self._timeout_s) from error

    @asynccontextmanager
    async def stream(
        self, path: str, *, token: str | None, headers: Mapping[str, str], idle_timeout_s: float | None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The answer to a GET, chunk by chunk as it arrives; ``idle_timeout_s`` is the longest silence."""
        deadlines = httpx.Timeout(self._timeout_s, read=idle_timeout_s)
        fields = _fields(token, headers)
        try:
            async with self._http.stream(
                "GET", self._target(path, None), headers=fields, timeout=deadlines
            ) as response:
                if not response.is_success:
                    body = await response.aread()
                    raise refusal(response.status_code, response.headers, body, url=self.address.url)
                yield response.aiter_bytes()
        except (httpx.HTTPError, OSError) as error:
            raise self._unreachable(error, idle_timeout_s) from error

    def _target(self, path: str, query: Mapping[str, QueryValue | None] | None) -> str:
        return f"{self.address.scheme}://{self.address.authority}{self.address.target(path, query)}"

    def _unreachable(self, error: BaseException, timeout_s: float | None) -> RouterUnreachable:
        return unreachable(self.address.url, error, timeout_s=timeout_s)


def _fields(token: str | None, headers: Mapping[str, str] | None) -> dict[str, str]:
    fields = dict(headers or {})
    if token:
        fields["Authorization"] = bearer(token)
    return fields
