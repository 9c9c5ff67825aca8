"""``/v0/settings``: how nodes are chosen, live."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from llmlb.api import thresholds
from llmlb.api.access import AdminCall, OperatorCall
from llmlb.api.answers import answer, answer_json
from llmlb.api.bodies import JsonBody
from llmlb.wire.settings import LoadBalancerPatch, LoadBalancerSettings, SettingsPreview

router = APIRouter(prefix="/v0/settings", tags=["settings"])


@router.get("/load-balancer", response_model=LoadBalancerSettings)
async def get_load_balancer(call: OperatorCall) -> Response:
    """The settings in force."""
    return answer_json(thresholds.settings_view(call.services))


@router.put("/load-balancer", response_model=LoadBalancerSettings | SettingsPreview)
async def put_load_balancer(
    call: AdminCall,
    patch: Annotated[LoadBalancerPatch, Depends(JsonBody(LoadBalancerPatch))],
    dry_run: Annotated[bool, Query(description="Only say which nodes would be excluded.")] = False,
) -> Response:
    """Changes what the body holds, at once and for good; answers the whole. With dry_run nothing is changed."""
    if dry_run:
        return answer(thresholds.preview(call.services, patch))
    await thresholds.change(call, patch)
    return answer_json(thresholds.settings_view(call.services))
