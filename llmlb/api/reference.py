"""The OpenAPI description of every path: ``/openapi.json`` for operators, and a plain page of it under --dev."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from pydantic_core import to_json
from starlette.responses import HTMLResponse
from starlette.routing import Route

from llmlb import __version__
from llmlb.api.access import Access, OperatorCall, PublicCall, declared_access
from llmlb.api.answers import JSON, MESSAGES_PATH
from llmlb.api.bodies import JsonBody
from llmlb.api.data_plane import DATA_PLANE_PATHS
from llmlb.api.heartbeats import PATH as HEARTBEAT_PATH
from llmlb.wire.errors import ErrorReply, MessagesErrorReply
from llmlb.wire.heartbeat import Heartbeat, HeartbeatReply

router = APIRouter(tags=["health"])
docs_router = APIRouter(tags=["health"])

Schema = dict[str, Any]
"""A part of an OpenAPI document. Any: its shape is OpenAPI's, not ours."""

SCHEMES: Schema = {
    "operator": {
        "type": "http",
        "scheme": "bearer",
        "description": "A login's token, an API key with the scope admin, or the router machine's own credential.",
    },
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, sk-..."},
    "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key, sk-..."},
    "nodeToken": {"type": "apiKey", "in": "header", "name": "X-Node-Token", "description": "A node's token, nt_..."},
}

_SECURITY: dict[Access, list[Schema]] = {
    Access.PUBLIC: [],
    Access.NODE: [{"nodeToken": []}],
    Access.CLIENT: [{"apiKey": []}, {"apiKeyHeader": []}],
    Access.METRICS: [{}, {"apiKey": []}, {"apiKeyHeader": []}],
    Access.SESSION: [{"operator": []}],
    Access.OPERATOR: [{"operator": []}],
    Access.ADMIN: [{"operator": []}],
}
_REFUSALS = {
    "401": "No valid credential.",
    "403": "The credential may not do this.",
    "404": "There is no such thing.",
    "409": "It has changed meanwhile, or contradicts something that is there.",
    "413": "The body is too large.",
    "422": "A field does not fit; param names it.",
    "429": "Too often; Retry-After says when to try again.",
    "503": "Not now: the store is busy, or the router shuts down.",
    "507": "There is no space left for the store.",
}
_IF_MATCH: Schema = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "integer"},
    "description": "The node's revision as last seen: 409 if it has changed meanwhile.",
}
_REGISTRATION_HEADERS: tuple[Schema, ...] = tuple(
    {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, "description": text}
    for name, text in (
        ("X-Node-Token", "The current token of a node that is known already."),
        ("X-Join-Token", "A join token, where the operator demands one."),
        ("Authorization", "An admin credential, for an engine without an agent."),
    )
)
_OPENING = "llmlb balances OpenAI-compatible requests over a fleet of engines and is operated from the terminal."


@router.get("/openapi.json", include_in_schema=False)
async def get_schema(call: OperatorCall, request: Request) -> Response:
    """This description. It takes a fifth of a second to make, so it is made once, and not on the event loop."""
    state = request.app.state
    if getattr(state, "openapi", None) is None:
        state.openapi = to_json(await asyncio.to_thread(openapi_schema, request.app))
    return Response(state.openapi, media_type=JSON)


@docs_router.get("/docs", include_in_schema=False)
async def get_docs(call: PublicCall, request: Request) -> HTMLResponse:
    """The paths as a page that needs nothing from anywhere else; only under --dev."""
    return HTMLResponse(docs_page(await asyncio.to_thread(openapi_schema, request.app)))


def openapi_schema(app: FastAPI) -> Schema:
    """The complete description: what the framework finds, and what it cannot know."""
    schema = get_openapi(title="llmlb", version=__version__, description=_OPENING, routes=app.routes)
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    components.update(_definitions(app))
    schema["components"]["securitySchemes"] = SCHEMES
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _complete(schema["paths"][route.path_format][method.lower()], route)
        elif isinstance(route, Route) and not isinstance(route, APIRoute):
            schema["paths"].setdefault(route.path, {})["post"] = _raw_operation(route)
    return schema


def docs_page(schema: Schema) -> str:
    """A list of every path with its method, credential and purpose."""
    rows = []
    for path, operations in sorted(schema["paths"].items()):
        for method, operation in operations.items():
            who = " or ".join(name for option in operation["security"] for name in option) or "nobody"
            cells = (method.upper(), path, who, operation.get("description") or operation.get("summary", ""))
            rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    style = "body{font-family:monospace;margin:2em}td{padding:.3em 1em;vertical-align:top;border-top:1px solid #ccc}"
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>llmlb {__version__}</title><style>{style}</style>"
    titles = "<tr><th>Method<th>Path<th>Credential<th>What"
    return f"{head}<h1>llmlb {__version__}</h1><table>{titles}{''.join(rows)}</table></html>"


def _complete(operation: Schema, route: APIRoute) -> None:
    """Adds to a route's operation its credential, its body and its refusals."""
    access = declared_access(route)
    operation["security"] = _SECURITY[access]
    body = next((part.call for part in route.dependant.dependencies if isinstance(part.call, JsonBody)), None)
    if body is not None:
        operation["requestBody"] = _body(body.model, required=body.default is None)
    if access is Access.ADMIN and route.path_format.startswith("/v0/nodes/{node_id}"):
        operation.setdefault("parameters", []).append(_IF_MATCH)
    if route.path_format == "/v0/nodes" and "POST" in (route.methods or ()):
        operation.setdefault("parameters", []).extend(_REGISTRATION_HEADERS)
    operation["responses"].pop("422", None)
    operation["responses"].update(_refusals(access, has_body=body is not None, path=route.path_format))


def _refusals(access: Access, *, has_body: bool, path: str) -> Schema:
    statuses = {"422"} if "{" in path or has_body else set()
    if access is not Access.PUBLIC:
        statuses |= {"401", "403"}
    if "{" in path:
        statuses |= {"404", "409"}
    if has_body:
        statuses |= {"413", "429", "503", "507"}
    reply = MessagesErrorReply if path == MESSAGES_PATH else ErrorReply
    return {
        status: {"description": _REFUSALS[status], "content": {"application/json": {"schema": _ref(reply)}}}
        for status in sorted(statuses)
    }


def _raw_operation(route: Route) -> Schema:
    """The operation of a route that the framework knows nothing about."""
    access = declared_access(route)
    refusals = _refusals(access, has_body=True, path=route.path)
    if route.path == HEARTBEAT_PATH:
        reply = {"description": "Accepted.", "content": {"application/json": {"schema": _ref(HeartbeatReply)}}}
        refusals |= {
            "404": {"description": _REFUSALS["404"], "content": {"application/json": {"schema": _ref(ErrorReply)}}}
        }
        return {
            "tags": ["nodes"],
            "summary": "Heartbeat",
            "description": "A node's heartbeat. Checked in this order: the node, its token, the body, the rate.",
            "operationId": "heartbeat_v0_health_post",
            "security": _SECURITY[access],
            "requestBody": _body(Heartbeat, required=True),
            "responses": {"200": reply, **refusals},
        }
    assert route.path in DATA_PLANE_PATHS
    answered: Schema = {"application/json": {}, "text/event-stream": {}}
    return {
        "tags": ["inference"],
        "summary": route.path.removeprefix("/v1/"),
        "description": "Balanced over the nodes that have the model; bodies pass unchanged both ways.",
        "operationId": route.path.strip("/").replace("/", "_"),
        "security": _SECURITY[access],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {"200": {"description": "The engine's answer.", "content": answered}, **refusals},
    }


def _body(model: type[BaseModel], *, required: bool) -> Schema:
    return {"required": required, "content": {"application/json": {"schema": _ref(model)}}}


def _ref(model: type[BaseModel]) -> Schema:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _definitions(app: FastAPI) -> Schema:
    """The schemas of the messages that the framework does not see."""
    bodies: list[type[BaseModel]] = [ErrorReply, MessagesErrorReply, Heartbeat]
    for route in app.routes:
        if isinstance(route, APIRoute):
            bodies += [part.call.model for part in route.dependant.dependencies if isinstance(part.call, JsonBody)]
    inputs: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in bodies]
    outputs: list[tuple[type[BaseModel], JsonSchemaMode]] = [(HeartbeatReply, "serialization")]
    _, document = models_json_schema([*inputs, *outputs], ref_template="#/components/schemas/{model}")
    definitions: Schema = document["$defs"]
    return definitions
