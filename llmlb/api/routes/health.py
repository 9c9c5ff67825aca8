"""``/health``: for whoever restarts or routes to the router."""

from __future__ import annotations

from fastapi import APIRouter, Response

from llmlb.api.access import PublicCall
from llmlb.api.answers import answer, answer_json
from llmlb.api.insight import node_counts, router_status
from llmlb.wire.insight import Liveness, Readiness

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", response_model=Liveness)
@router.head("/live", include_in_schema=False)
async def live(call: PublicCall) -> Response:
    """The event loop turns."""
    return answer_json({"status": "live"})


@router.get("/ready", response_model=Readiness, responses={503: {"model": Readiness}})
@router.head("/ready", include_in_schema=False)
async def ready(call: PublicCall) -> Response:
    """200 while the router takes work, however many nodes there are; 503 while it shuts down."""
    status = router_status(call.services)
    return answer(Readiness(status=status, nodes=node_counts(call.services)), 200 if status == "ready" else 503)
