"""Answers of the control plane: JSON, and refusals in the shape of the path's dialect.

This file and ``proxy/replies.py`` are the only places that know status codes by meaning.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel
from pydantic_core import to_json
from starlette.responses import Response

from llmlb.auth.principals import Denial

JSON = "application/json"
MESSAGES_PATH = "/v1/messages"


class ApiRefusal(Exception):
    """The request cannot be done; the answer says why and what to do next.

    param: the field or header at fault.  retry_after_s: whole seconds, 0 for none.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.headers = dict(headers or {})


def denied(denial: Denial, *, param: str | None = None) -> ApiRefusal:
    """A refusal for want of a credential."""
    return ApiRefusal(denial.status, denial.code, denial.message, param=param, retry_after_s=denial.retry_after_s or 0)


def answer(message: BaseModel, status: int = 200) -> Response:
    """A message as JSON."""
    return Response(message.__pydantic_serializer__.to_json(message), status, media_type=JSON)


def answer_json(value: object, status: int = 200) -> Response:
    """A value made of plain parts as JSON; for lists too long to be built of messages."""
    return Response(to_json(value), status, media_type=JSON)


def refusal_response(refusal: ApiRefusal, path: str) -> Response:
    """The refusal as the path's clients expect it: Anthropic's shape on /v1/messages, OpenAI's elsewhere."""
    headers = dict(refusal.headers)
    if refusal.retry_after_s:
        headers["retry-after"] = str(refusal.retry_after_s)
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(_refusal_body(refusal, path), refusal.status, headers, media_type=JSON)


def _refusal_body(refusal: ApiRefusal, path: str) -> bytes:
    if path == MESSAGES_PATH:
        kind = _ANTHROPIC_TYPES.get(refusal.status) or _kind(refusal.status, _ANTHROPIC_TYPES[400], "api_error")
        return to_json({"type": "error", "error": {"type": kind, "message": refusal.message}})
    kind = _OPENAI_TYPES.get(refusal.status) or _kind(refusal.status, "invalid_request_error", "server_error")
    error = {"message": refusal.message, "type": kind, "code": refusal.code, "param": refusal.param}
    return to_json({"error": error})


def _kind(status: int, client: str, server: str) -> str:
    return client if status < 500 else server


_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}
