"""The control plane as one ASGI application."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from llmlb import __version__
from llmlb.api import reference
from llmlb.api.access import declared_access
from llmlb.api.answers import ApiRefusal
from llmlb.api.data_plane import DATA_PLANE_PATHS, DataPlaneEndpoint
from llmlb.api.failures import on_http_exception, on_invalid_request, on_refusal
from llmlb.api.heartbeats import PATH as HEARTBEAT_PATH
from llmlb.api.heartbeats import HeartbeatEndpoint
from llmlb.api.intake import Intake
from llmlb.api.routes import ROUTERS
from llmlb.api.services import Services
from llmlb.errors import LlmlbError


class ControlPlane(FastAPI):
    """The application, with a way around the framework for heartbeats: a fleet sends a hundred a second."""

    def __init__(self, services: Services, **options: Any) -> None:  # Any: FastAPI's own options, of many types
        super().__init__(**options)
        limit_bytes = services.settings.limits.control_body_bytes
        self._heartbeats = Intake(HeartbeatEndpoint(services), body_limit_bytes=limit_bytes, raw_paths=frozenset())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == HEARTBEAT_PATH and scope["method"] == "POST":
            await self._heartbeats(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(services: Services, *, data_plane: ASGIApp | None) -> FastAPI:
    """The application over these services. data_plane: what serves inference; None leaves its paths out.

    Raises ConfigurationError for a route that does not declare who may call it.
    """
    app = ControlPlane(
        services,
        title="llmlb",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers={
            ApiRefusal: on_refusal,
            LlmlbError: on_refusal,
            HTTPException: on_http_exception,
            RequestValidationError: on_invalid_request,
        },
    )
    app.state.services = services
    routes = app.router.routes
    # For those who look up what is served; it is answered before the routes are tried.
    routes.append(Route(HEARTBEAT_PATH, HeartbeatEndpoint(services), methods=["POST"]))
    if data_plane is not None:
        endpoint = DataPlaneEndpoint(data_plane)
        routes.extend(Route(path, endpoint, methods=["POST"]) for path in sorted(DATA_PLANE_PATHS))
    routers = (*ROUTERS, reference.router, *((reference.docs_router,) if services.dev else ()))
    for router in routers:
        routes.extend(router.routes)
    for route in routes:
        declared_access(route)
    app.add_middleware(
        Intake,
        body_limit_bytes=services.settings.limits.control_body_bytes,
        raw_paths=DATA_PLANE_PATHS if data_plane is not None else frozenset(),
    )
    return app
