"""``/v0/events``: the fleet as it changes, as Server-Sent Events."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from fastapi import APIRouter, Response
from pydantic_core import to_json
from starlette.responses import StreamingResponse

from llmlb.api.access import Access, Call, OperatorCall, identify
from llmlb.api.answers import ApiRefusal
from llmlb.auth.principals import Denial
from llmlb.telemetry.subscription import FeedEvent, Subscription

router = APIRouter(prefix="/v0/events", tags=["insight"])

KEEP_ALIVE_S = 15.0
CHECK_S = 2.5
"""How often a stream looks whether its session still stands: an ended one stops within 5 s."""

STREAM = {200: {"content": {"text/event-stream": {}}, "description": "One snapshot, then differences."}}


@router.get("", response_class=StreamingResponse, responses=STREAM)  # type: ignore[arg-type]  # its keys are statuses
async def follow_events(call: OperatorCall) -> Response:
    """One `snapshot`, then `node`, `fleet`, `alert` and `settings` events with increasing ids.

    The header Last-Event-ID resumes: what was missed comes first, or a new snapshot where that is too much.
    """
    if call.services.is_draining():
        message = "The router is shutting down and tells no more events. Connect again in a moment."
        raise ApiRefusal(503, "router_draining", message, retry_after_s=2)
    subscription = call.services.feed.subscribe(_last_id(call))
    headers = {"x-accel-buffering": "no"}
    return StreamingResponse(event_stream(call, subscription), media_type="text/event-stream", headers=headers)


async def event_stream(call: Call, subscription: Subscription) -> AsyncGenerator[bytes]:
    """The bytes of one stream. It ends with the router's drain and with the caller's session."""
    services = call.services
    with subscription:
        spoke_at_s = services.now_s()
        while True:
            batch = await subscription.next_batch(timeout_s=CHECK_S)
            if subscription.is_closed or not _still_allowed(call):
                return
            if batch:
                spoke_at_s = services.now_s()
                yield b"".join(map(event_bytes, batch))
            elif services.now_s() - spoke_at_s >= KEEP_ALIVE_S:
                spoke_at_s = services.now_s()
                yield b": still here\n\n"


def event_bytes(event: FeedEvent) -> bytes:
    """One event as the format wants it. JSON has no line breaks of its own."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.type.value.encode(), to_json(event.data))


def _last_id(call: Call) -> int | None:
    text = call.headers.get("last-event-id", "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _still_allowed(call: Call) -> bool:
    return not isinstance(identify(call.services, Access.OPERATOR, call.headers, peer=call.peer), Denial)
