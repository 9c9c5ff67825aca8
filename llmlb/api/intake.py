"""The outermost layer of the control plane: what holds for every request, whatever its route.

Compressed bodies are refused, oversized ones before they are read; every answer carries an id and forbids caching and
guessing; what a route failed to handle becomes a 500 with that id, and its traceback goes to the log.
"""

from __future__ import annotations

import logging
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llmlb.api.answers import ApiRefusal, refusal_response
from llmlb.api.bodies import body_too_large
from llmlb.api.failures import refusal_for

_log = logging.getLogger(__name__)

REQUEST_ID = "x-llmlb-request-id"


class Intake:
    """ASGI middleware. raw_paths: the data plane's, which has limits and headers of its own."""

    def __init__(self, app: ASGIApp, *, body_limit_bytes: int, raw_paths: frozenset[str]) -> None:
        self._app = app
        self._body_limit_bytes = body_limit_bytes
        self._raw_paths = raw_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"] == "POST" and scope["path"] in self._raw_paths):
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        has_begun = False

        async def send_on(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                _add_headers(message, request_id)
            await send(message)

        try:
            refusal = self._refusal(Headers(scope=scope))
            if refusal is None:
                await self._app(scope, receive, send_on)
            else:
                await refusal_response(refusal, scope["path"])(scope, receive, send_on)
        except ClientDisconnect:
            return
        except Exception as error:
            # The last resort: a bug of ours must not become a traceback at a client or a broken connection.
            fields = {"request_id": request_id, "method": scope["method"], "path": scope["path"]}
            refusal = refusal_for(error, request_id)
            if refusal.status == 500:
                _log.exception("control request failed", extra=fields)
            if has_begun:
                raise
            await refusal_response(refusal, scope["path"])(scope, receive, send_on)

    def _refusal(self, headers: Headers) -> ApiRefusal | None:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            message = f"Bodies with Content-Encoding {encoding[:40]!r} are not read. Send the body without it."
            return ApiRefusal(415, "unsupported_content_encoding", message, param="content-encoding")
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self._body_limit_bytes:
            return body_too_large(self._body_limit_bytes, key="limits.control_body_bytes")
        return None


def _add_headers(start: Message, request_id: str) -> None:
    headers = MutableHeaders(raw=start["headers"])
    headers[REQUEST_ID] = request_id
    headers.setdefault("x-content-type-options", "nosniff")
    headers.setdefault("cache-control", "no-store")
