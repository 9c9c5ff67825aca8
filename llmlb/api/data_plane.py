"""The door from the control plane's application to the data plane, for requests that the fast path leaves to ASGI."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from llmlb.api.access import Access
from llmlb.core.choice import Endpoint

DATA_PLANE_PATHS = frozenset(endpoint.value for endpoint in Endpoint)


class DataPlaneEndpoint:
    """Hands an inference request on untouched. The data plane checks the API key itself, and has limits of its own."""

    access = Access.CLIENT

    def __init__(self, data_plane: ASGIApp) -> None:
        self._data_plane = data_plane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._data_plane(scope, receive, send)
