"""``/v0/requests``: what clients asked and how it ended, never their words."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from llmlb.api.access import OperatorCall
from llmlb.api.answers import answer
from llmlb.api.request_records import get_request, list_requests
from llmlb.core.record import RecordFilter
from llmlb.wire.records import RequestDetail, RequestList

router = APIRouter(prefix="/v0/requests", tags=["insight"])

ShortQuery = Annotated[str | None, Query(max_length=256)]


@router.get("", response_model=RequestList)
async def list_recent(
    call: OperatorCall,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    model: ShortQuery = None,
    node: Annotated[str | None, Query(description="The id of the node it went to.", max_length=256)] = None,
    key: Annotated[str | None, Query(description="The id of the API key.", max_length=256)] = None,
    outcome: Annotated[str | None, Query(description="answered, failed, cancelled or refused.", max_length=16)] = None,
    status: Annotated[int | None, Query(ge=0, le=599)] = None,
    before: Annotated[
        float | None, Query(description="Arrived before: seconds since 1970.", allow_inf_nan=False)
    ] = None,
    since: Annotated[float | None, Query(description="Arrived since: seconds since 1970.", allow_inf_nan=False)] = None,
) -> Response:
    """Recent inference requests, newest first."""
    filters = RecordFilter(
        model=model,
        node_id=node,
        key_id=key,
        outcome=outcome,
        status=status,
        before_unix_s=before,
        since_unix_s=since,
    )
    return answer(RequestList(requests=await list_requests(call.services, limit, filters)))


@router.get("/{request_id}", response_model=RequestDetail)
async def get_one(request_id: str, call: OperatorCall) -> Response:
    """One request: where it went, why, every try; for administrators what was said, where `records.bodies` is on."""
    return answer(await get_request(call.services, request_id, with_bodies=call.principal.is_admin))
