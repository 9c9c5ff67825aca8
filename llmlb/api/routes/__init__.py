"""The routes, one file per group; ``ROUTERS`` is the list of them all."""

from __future__ import annotations

from fastapi import APIRouter

from llmlb.api.routes import (
    alerts,
    api_keys,
    audit,
    auth,
    events,
    exposition,
    health,
    insight,
    join_tokens,
    models,
    nodes,
    recent_events,
    requests,
    root,
    settings,
    users,
)

ROUTERS: tuple[APIRouter, ...] = (
    nodes.router,
    events.router,
    recent_events.router,
    settings.router,
    insight.router,
    requests.router,
    alerts.router,
    auth.router,
    api_keys.router,
    users.router,
    join_tokens.router,
    audit.router,
    models.router,
    exposition.router,
    health.router,
    root.router,
)
