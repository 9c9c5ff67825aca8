"""What the router does and why: status, selections, explanations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from llmlb.api import insight
from llmlb.api.access import OperatorCall
from llmlb.api.answers import answer, answer_json
from llmlb.api.explaining import explain
from llmlb.wire.insight import Explanation, LoadBalancerStats, RouterStatus

router = APIRouter(prefix="/v0", tags=["insight"])


@router.get("/status", response_model=RouterStatus)
async def get_status(call: OperatorCall) -> Response:
    """The router on one screen."""
    return answer_json(insight.status_view(call.services))


@router.get("/load-balancer/stats", response_model=LoadBalancerStats)
async def get_stats(call: OperatorCall) -> Response:
    """Selections by node and by reason, and how long choosing takes."""
    return answer(insight.stats(call.services))


@router.get("/explain", response_model=Explanation)
async def explain_model(
    call: OperatorCall, model: Annotated[str, Query(description="As a client would name it.", max_length=256)]
) -> Response:
    """Why each node would be chosen or filtered out for a model, now. Nothing is reserved by asking."""
    return answer(await explain(call.services, model))
