"""``POST /v0/health``: the one busy path of the control plane, without the framework around it.

A fleet of 1,000 nodes sends a hundred a second. The body is parsed once; only a heartbeat that is refused anyway is
looked at twice, to say what is wrong with it in the promised order.
"""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from llmlb.api.access import Access
from llmlb.api.answers import ApiRefusal, answer_json, denied, refusal_response
from llmlb.api.beats import beat_of, check_interval
from llmlb.api.bodies import not_json, read_body, unfit
from llmlb.api.node_refusals import duplicate_instance, node_not_found, node_rejected, too_fast
from llmlb.api.services import Services
from llmlb.auth.principals import Denial
from llmlb.core.fleet import BeatVerdict
from llmlb.core.node import Node, NodeId
from llmlb.wire.heartbeat import Heartbeat

PATH = "/v0/health"


class HeartbeatEndpoint:
    """The ASGI application behind the path."""

    access = Access.NODE

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            limit_bytes = self._services.settings.limits.heartbeat_body_bytes
            body = await read_body(request, limit_bytes, key="limits.heartbeat_body_bytes")
            token = request.headers.get("x-node-token", "").encode("latin-1")
            response = answer_json(beat(self._services, body, token))
        except ApiRefusal as refusal:
            response = refusal_response(refusal, PATH)
        await response(scope, receive, send)


def beat(services: Services, body: bytes, token: bytes) -> dict[str, object]:
    """Takes a heartbeat and answers it. Checks in this order: the node, its token, the body, the rate."""
    try:
        message = Heartbeat.model_validate_json(body)
    except ValidationError as error:
        raise _refused(services, body, token, error) from None
    node = _authenticated(services, message.node_id, token)
    check_interval(message.heartbeat_secs, dev=services.dev)
    now_s, now_unix_s = services.now_s(), services.now_unix_s()
    verdict, changes = services.fleet.beat(node, beat_of(message), now_s=now_s, unix_s=now_unix_s)
    if verdict is BeatVerdict.TOO_FAST:
        raise too_fast(1.0 - (now_s - node.accepted_at_s[0]))
    services.announce(changes)
    if verdict is BeatVerdict.DUPLICATE_INSTANCE:
        services.alerts.refused_twin(node.id, now_s)
        raise duplicate_instance(node.id)
    return {
        "status": "ok",
        "server_time": int(now_unix_s),
        "state": node.state.value,
        "draining": node.draining,
        "heartbeat_secs": node.interval_s,
    }


def _authenticated(services: Services, node_id: str, token: bytes) -> Node:
    """The node that the heartbeat names, once its token is proven."""
    node = services.fleet.get(NodeId(node_id))
    if node is None:
        until = services.rejected.get(node_id)
        is_rejected = until is not None and services.now_unix_s() < until
        raise node_rejected(node_id) if is_rejected else node_not_found(node_id)
    identity = services.gatekeeper.node_token(token, node_id)
    if isinstance(identity, Denial):
        raise denied(identity, param="x-node-token")
    return node


def _refused(services: Services, body: bytes, token: bytes, error: ValidationError) -> ApiRefusal:
    """What is wrong with a heartbeat that does not fit: who it is for comes before what it says."""
    if any(problem["type"] == "json_invalid" for problem in error.errors(include_url=False, include_input=False)):
        return not_json(str(error.errors()[0].get("ctx", {}).get("error", "it cannot be parsed")))
    said = from_json(body)
    node_id = said.get("node_id") if isinstance(said, dict) else None
    if isinstance(node_id, str):
        _authenticated(services, node_id, token)
    return unfit(error, Heartbeat, consequence="Nothing of this heartbeat was stored.")
