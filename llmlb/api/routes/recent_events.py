"""``/v0/events/recent``: what happened to the fleet, for who was not listening."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from llmlb.api.access import OperatorCall
from llmlb.api.answers import answer
from llmlb.api.event_records import list_events
from llmlb.wire.events import EventList

router = APIRouter(prefix="/v0/events", tags=["insight"])


@router.get("/recent", response_model=EventList)
async def list_recent_events(
    call: OperatorCall,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[
        int | None, Query(description="Only events older than this id, for the next page.", ge=0, le=2**53)
    ] = None,
    node: Annotated[str | None, Query(description="The id of the node it happened to.", max_length=256)] = None,
    since: Annotated[float, Query(description="Seconds since 1970.", allow_inf_nan=False)] = 0.0,
) -> Response:
    """Nodes that came and went, decisions, alerts, settings; newest first."""
    found = await list_events(call.services, limit, before=before, node_id=node, since_unix_s=since)
    return answer(EventList(events=found))
