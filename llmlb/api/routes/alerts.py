"""``/v0/alerts``: what needs a person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from llmlb.api.access import AdminCall, Call, OperatorCall
from llmlb.api.answers import ApiRefusal, answer_json
from llmlb.api.audit import Act, audit_row, record
from llmlb.api.bodies import JsonBody
from llmlb.api.insight import alert_view
from llmlb.telemetry.alert import AlertChange
from llmlb.wire.records import AlertList, AlertView, Silence

router = APIRouter(prefix="/v0/alerts", tags=["alerts"])


@router.get("", response_model=AlertList)
async def list_alerts(call: OperatorCall) -> Response:
    """Those that fire, critical ones first, then the last that are over."""
    alerts = call.services.alerts
    return answer_json({"alerts": [alert_view(alert) for alert in (*alerts.firing, *alerts.resolved)]})


@router.post("/{alert_id}/ack", response_model=AlertView)
async def acknowledge_alert(alert_id: str, call: AdminCall) -> Response:
    """Says that somebody takes care of it. The alert stays until its cause is gone."""
    services = call.services
    change = services.alerts.acknowledge(alert_id, call.actor, unix_s=services.now_unix_s())
    return await _told(call, alert_id, change, Act.ALERT_ACK)


@router.post("/{alert_id}/silence", response_model=AlertView)
async def silence_alert(
    alert_id: str, call: AdminCall, silence: Annotated[Silence, Depends(JsonBody(Silence, default=Silence()))]
) -> Response:
    """Keeps it quiet for that long (an hour without a body), also when it fires again; 0 seconds end a silence."""
    services = call.services
    change = services.alerts.silence(
        alert_id,
        for_s=float(silence.seconds),
        actor=call.actor,
        now_s=services.now_s(),
        unix_s=services.now_unix_s(),
    )
    return await _told(call, alert_id, change, Act.ALERT_SILENCE)


async def _told(call: Call, alert_id: str, change: AlertChange | None, act: Act) -> Response:
    if change is None:
        message = f"No alert {alert_id[:40]!r} fires. GET /v0/alerts lists those that do."
        raise ApiRefusal(404, "alert_not_found", message, param="alert_id")
    alert, services = change.alert, call.services
    view = alert_view(alert)
    services.feed.announce_alert(
        view,
        kind=change.kind.value,
        node_id=alert.node_id,
        cause=alert.cause,
        actor=call.actor,
        at_unix_s=services.now_unix_s(),
    )
    await record(call, audit_row(call, act, alert.subject or alert.rule, alert.rule))
    return answer_json(view)
