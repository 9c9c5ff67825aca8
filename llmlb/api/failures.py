"""Foreign failures as refusals: the store's errors, the framework's, and bugs."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from llmlb.api.answers import ApiRefusal, refusal_response
from llmlb.api.bodies import complaint
from llmlb.errors import (
    ConfigurationError,
    NodeUrlRefused,
    PasswordsBusy,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
)
from llmlb.wire.errors import ErrorReply
from llmlb.wire.text import clean_text

STORE_BUSY_RETRY_S = 2


def refusal_for(error: Exception, request_id: str = "") -> ApiRefusal:
    """How an error that a route let through is answered."""
    match error:
        case ApiRefusal():
            return error
        case NodeUrlRefused():
            return ApiRefusal(422, "url_refused", error.message, param="url")
        case StoreBusy():
            message = f"{error.message} Inference goes on meanwhile; operators: llmlb status."
            return ApiRefusal(503, "store_busy", message, retry_after_s=STORE_BUSY_RETRY_S)
        case StoreFull():
            return ApiRefusal(507, "store_full", f"{error.message} Nothing was changed; inference goes on meanwhile.")
        case StoreCorrupt():
            return ApiRefusal(503, "store_corrupt", f"{error.message} Inference goes on meanwhile.")
        case StoreError():
            return ApiRefusal(503, "store_failed", f"{error.message} Nothing was changed; see the router's log.")
        case PasswordsBusy():
            return ApiRefusal(503, "passwords_busy", error.message, retry_after_s=5)
        case ConfigurationError():
            return ApiRefusal(422, "invalid_value", error.message)
        case _:
            message = f"The router failed to do this; its log tells more under the request id {request_id}. Try again."
            return ApiRefusal(500, "internal_error", message)


async def on_refusal(request: Request, error: Exception) -> Response:
    """The handler of everything that ``refusal_for`` knows."""
    return refusal_response(refusal_for(error), request.url.path)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """The framework's own refusals: no such path, no such method."""
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 404:
        refusal = _not_found(request.method, path)
    elif error.status_code == 405:
        allowed = _allowed(request)
        message = f"{request.method} is not possible on {clean_text(path[:200])}; allowed is {allowed}."
        refusal = ApiRefusal(405, "method_not_allowed", message, headers={"allow": allowed})
    else:
        phrase = HTTPStatus(error.status_code).phrase
        code = phrase.lower().replace(" ", "_")
        message = f"{phrase}: {error.detail}. Correct the request and send it again."
        refusal = ApiRefusal(error.status_code, code, message, headers=error.headers)
    return refusal_response(refusal, path)


def _allowed(request: Request) -> str:
    """Every method that the path has; the framework's own error names those of the path's first route only."""
    routes = (route for route in request.app.routes if isinstance(route, Route))
    matching = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for route in matching for method in route.methods or ()}))


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """A query parameter, header or path that does not fit."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    param = clean_text(str(first["loc"][-1])[:200])
    message = complaint(first, param, ErrorReply).replace("The field", "The parameter")
    return refusal_response(ApiRefusal(422, "invalid_value", f"{message} Correct it.", param=param), request.url.path)


def _not_found(method: str, path: str) -> ApiRefusal:
    shown = clean_text(path[:200])
    for prefix in ("/v1/rerank", "/v1/audio/", "/v1/images/"):
        if path.startswith(prefix):
            message = f"llmlb does not balance {shown} requests. Send them to an engine that has it."
            return ApiRefusal(404, "endpoint_not_supported", message)
    if path.startswith("/v1/"):
        message = (
            f"There is no {method} {shown}. llmlb serves POST /v1/chat/completions, /v1/completions, /v1/embeddings, "
            "/v1/responses, /v1/messages and GET /v1/models."
        )
        return ApiRefusal(404, "unknown_path", message)
    return ApiRefusal(404, "unknown_path", f"There is no {shown}. GET /openapi.json lists every path.")
