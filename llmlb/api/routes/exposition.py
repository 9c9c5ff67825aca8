"""``/metrics``: Prometheus text."""

from __future__ import annotations

from fastapi import APIRouter, Response

from llmlb.api.access import MetricsCall
from llmlb.telemetry.exposition import CONTENT_TYPE

router = APIRouter(tags=["metrics"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def get_metrics(call: MetricsCall) -> Response:
    """Every metric. From this machine without a credential, else with an API key of scope `metrics`."""
    services = call.services
    services.requests.count()
    page = await services.exposition.render_sliced(services.now_s(), alerts=services.alerts.firing)
    return Response(page, media_type=CONTENT_TYPE)
