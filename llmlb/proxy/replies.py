"""Answers of our own on the data path: error bodies in the client's dialect, and the status codes that go with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from llmlb.auth.principals import Denial
from llmlb.core.choice import Endpoint
from llmlb.core.record import ExchangeRecord


@dataclass(frozen=True, slots=True)
class Reply:
    """An error for a client. retry_after_s: 0 for none.  no_retry: another try would be useless.

    closes: the connection cannot be used for another request.
    """

    status: int
    code: str
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    retry_after_s: int = 0
    no_retry: bool = False
    closes: bool = False


ROUTER_DRAINING = Reply(
    503, "router_draining", "The router is shutting down. Send the request again.", "server_error", retry_after_s=1
)
BODY_TIMEOUT = Reply(
    408, "request_timeout", "The request did not arrive in time. Send it again without pauses.", closes=True
)
CONTENT_ENCODING = Reply(
    415,
    "unsupported_content_encoding",
    "Send the body without Content-Encoding.",
    param="content-encoding",
    closes=True,
)
INTERNAL_ERROR = Reply(
    500, "internal_error", "The router failed on this request; its log has the cause. Send it again.", "server_error"
)
_UPSTREAM = "upstream_error"


def body_too_large(limit_bytes: int) -> Reply:
    message = f"The request body is larger than {limit_bytes} bytes. Send less, or raise limits.body_bytes."
    return Reply(413, "request_too_large", message, closes=True)


def bad_body(message: str, param: str | None) -> Reply:
    code = "invalid_json" if param is None else "invalid_value"
    return Reply(400, code, f"{message} Correct it and send it again.", param=param)


def model_not_found(model: str) -> Reply:
    message = f"No node has the model {model!r}. GET /v1/models lists those that there are."
    return Reply(404, "model_not_found", message, param="model")


def model_forbidden(model: str) -> Reply:
    message = f"This API key may not use {model!r}. Ask the operator for a key whose list of models has it."
    return Reply(403, "model_not_allowed", message, "permission_error", param="model")


def denied(denial: Denial) -> Reply:
    """What the gatekeeper said."""
    kind = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}[denial.status]
    return Reply(denial.status, denial.code, denial.message, kind, retry_after_s=denial.retry_after_s or 0)


def no_node_available(model: str, retry_after_s: int) -> Reply:
    message = f"No node can take {model!r} at the moment. Try again; operators: llmlb nodes list tells why."
    return Reply(503, "no_node_available", message, "server_error", retry_after_s=retry_after_s)


def queue_full(model: str, retry_after_s: int) -> Reply:
    message = f"All nodes of {model!r} are busy and its queue is full. Try again after the Retry-After time."
    return Reply(429, "queue_full", message, "rate_limit_error", retry_after_s=retry_after_s)


def objective_out_of_reach(model: str, retry_after_s: int) -> Reply:
    message = f"No node of {model!r} can answer within its objective now. Try again after the Retry-After time."
    return Reply(429, "objective_out_of_reach", message, "rate_limit_error", retry_after_s=retry_after_s)


def queue_timeout(model: str, retry_after_s: int) -> Reply:
    message = f"All nodes of {model!r} stayed busy for too long. Try again later."
    return Reply(503, "queue_timeout", message, "server_error", retry_after_s=retry_after_s)


def nodes_busy(model: str, retry_after_s: int) -> Reply:
    message = f"All nodes of {model!r} said that they are busy. Try again after the Retry-After time."
    return Reply(429, "nodes_busy", message, "rate_limit_error", retry_after_s=retry_after_s)


def pinned_node_unavailable(node_id: str) -> Reply:
    message = f"The node {node_id!r} of x-llmlb-pin gets no work now. llmlb nodes get {node_id} tells why."
    return Reply(503, "pinned_node_unavailable", message, "server_error")


def node_failed(detail: str) -> Reply:
    message = f"The request reached a node that failed: {detail}. It may have run, so it was not repeated further."
    return Reply(502, "node_failed", message, _UPSTREAM, no_retry=True)


def node_timed_out(detail: str) -> Reply:
    message = f"The node did not answer in time: {detail}. Shorten the request, or raise the limits under [timeouts]."
    return Reply(504, "node_timeout", message, _UPSTREAM, no_retry=True)


def nodes_unreachable(model: str, retry_after_s: int) -> Reply:
    message = f"No node of {model!r} could be reached. Try again; operators: llmlb nodes list shows their circuits."
    return Reply(503, "no_node_reachable", message, "server_error", retry_after_s=retry_after_s)


def render_body(reply: Reply, endpoint: Endpoint | None) -> bytes:
    """The JSON body: Anthropic's shape on its endpoint, OpenAI's everywhere else."""
    if endpoint is Endpoint.MESSAGES:
        kind = _ANTHROPIC_TYPES.get(reply.status, "api_error")
        return json.dumps({"type": "error", "error": {"type": kind, "message": reply.message}}).encode()
    error = {"message": reply.message, "type": reply.type, "code": reply.code, "param": reply.param}
    return json.dumps({"error": error}).encode()


_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}


def render(reply: Reply, endpoint: Endpoint | None, *, headers: bytes = b"", keep_alive: bool) -> bytes:
    """A whole response. headers: further header lines, each ended by CRLF."""
    body = render_body(reply, endpoint)
    lines = [
        b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\n" % (reply.status, status_phrase(reply.status)),
        headers,
    ]
    if reply.retry_after_s:
        lines.append(b"retry-after: %d\r\n" % reply.retry_after_s)
    if reply.no_retry:
        lines.append(b"x-should-retry: false\r\n")
    if reply.closes or not keep_alive:
        lines.append(b"connection: close\r\n")
    lines.append(b"content-length: %d\r\n\r\n" % len(body))
    lines.append(body)
    return b"".join(lines)


def trace_fields(record: ExchangeRecord, *, tries: int) -> bytes:
    """The ``x-llmlb-*`` fields of an answer: where it came from, after how many tries, and what it cost."""
    return trace_text(record, tries).encode("latin-1")


def trace_text(record: ExchangeRecord, tries: int) -> str:
    """The same, for a head that is made of text."""
    chosen = ""
    if record.node_id:
        cost = _cost(record) if record.costs else ""
        chosen = f"x-llmlb-node: {record.node_id}\r\nx-llmlb-reason: {record.reason}{cost}\r\n"
    queue_ms = f"{record.queue_s * 1000:.1f}" if record.queue_s else "0.0"
    return (
        f"{chosen}x-llmlb-request-id: {record.id}\r\nx-llmlb-queue-ms: {queue_ms}\r\n"
        f"x-llmlb-overhead-ms: {record.overhead_s * 1000:.2f}\r\nx-llmlb-attempts: {tries}\r\n"
    )


def _cost(record: ExchangeRecord) -> str:
    """What the choice was reckoned to cost, as parameters of the reason: seconds in all, and by term."""
    cost = next((cost for cost in record.costs if cost.node_id == record.node_id), None)
    if cost is None:
        return ""
    terms = [f";{name}={seconds:.3f}" for name, seconds in cost.terms.items() if abs(seconds) >= LEAST_SHOWN_S]
    return f";cost={cost.total_s:.3f}{''.join(terms)}"


def error_event(endpoint: Endpoint, message: str) -> bytes:
    """The event that ends a broken stream, in the form that the endpoint's SDK raises on."""
    match endpoint:
        case Endpoint.MESSAGES:
            data = json.dumps({"type": "error", "error": {"type": "api_error", "message": message}})
            return b"event: error\ndata: " + data.encode() + b"\n\n"
        case Endpoint.RESPONSES:
            data = json.dumps({"type": "error", "code": "node_lost", "message": message, "param": None})
            return b"event: error\ndata: " + data.encode() + b"\n\n"
        case Endpoint.CHAT | Endpoint.COMPLETIONS | Endpoint.EMBEDDINGS:
            error = {"message": message, "type": _UPSTREAM, "code": "node_lost", "param": None}
            return b"data: " + json.dumps({"error": error}).encode() + b"\n\n"


LEAST_SHOWN_S = 0.0005
_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}


def status_phrase(status: int) -> bytes:
    return _PHRASES.get(status, b"Status")
