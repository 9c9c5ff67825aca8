"""Request records for people: the recent ones from memory, older ones from the store."""

from __future__ import annotations

import json

from llmlb.api.answers import ApiRefusal
from llmlb.api.request_details import detail_fields, details_of, read_details
from llmlb.api.services import Services
from llmlb.clock import rfc3339
from llmlb.core.choice import Cost
from llmlb.core.record import ExchangeRecord, RecordFilter
from llmlb.errors import StoreError
from llmlb.store.rows import BodyRow, RequestFilter, RequestRow
from llmlb.telemetry.requests import RECENT_RECORDS
from llmlb.wire.records import AttemptView, CostView, RequestDetail, RequestView


async def list_requests(services: Services, limit: int, filters: RecordFilter) -> list[RequestView]:
    """The last to arrive of those that pass, newest first. What memory lacks comes from the store, if that answers."""
    # Memory is in the order of ending: a long request would stand before all that came and went meanwhile.
    recent = services.requests.recent(RECENT_RECORDS, filters)
    recent = sorted(recent, key=lambda record: record.at_unix_s, reverse=True)[:limit]
    views = [RequestView(**_fields_of(record)) for record in recent]
    if len(recent) == limit and recent[-1].at_unix_s > services.requests.gone_until_unix_s:
        return views
    wanted = RequestFilter(
        model=filters.model,
        node_id=filters.node_id,
        key_id=filters.key_id,
        outcome=filters.outcome,
        status=filters.status,
        before=filters.before_unix_s,
        since=filters.since_unix_s,
    )
    try:
        rows = await services.store.list_requests(limit, wanted)
    except StoreError:
        # The recent ones are worth showing while the store is stuck.
        return views
    known = {view.id for view in views}
    found = [(record.at_unix_s, view) for record, view in zip(recent, views, strict=True)]
    found += [(row.at, RequestView(**_fields_of_row(row))) for row in rows if row.id not in known]
    return [view for _, view in sorted(found, key=lambda each: each[0], reverse=True)][:limit]


async def get_request(services: Services, request_id: str, *, with_bodies: bool) -> RequestDetail:
    """One record. with_bodies: also what was said in it, as far as that was recorded and is kept."""
    record = services.requests.get(request_id)
    row = None if record is not None else await services.store.get_request(request_id)
    if record is not None:
        costs = [CostView.model_validate(cost_fields(cost)) for cost in record.costs]
        fields = {**_fields_of(record), **detail_fields(details_of(record)), "costs": costs}
    elif row is not None:
        details = detail_fields(read_details(row.details_json))
        fields = {**_fields_of_row(row), **details, "costs": _costs_of(row.costs_json)}
    else:
        message = f"There is no record of the request {request_id[:100]!r}. GET /v0/requests lists the recent ones."
        raise ApiRefusal(404, "request_not_found", message, param="request_id")
    body = await _body_of(services, request_id) if with_bodies else None
    return RequestDetail(**fields, **_body_fields(body))


async def _body_of(services: Services, request_id: str) -> BodyRow | None:
    try:
        return await services.store.get_body(request_id)
    except StoreError:
        # Where it went and why is worth showing while the store is stuck.
        return None


def cost_fields(cost: Cost) -> dict[str, object]:
    """The fields of ``wire.records.CostView``."""
    terms = {name: round(seconds, 6) for name, seconds in cost.terms.items()}
    return {"node_id": cost.node_id, "total_s": round(cost.total_s, 6), "terms": terms}


def _body_fields(body: BodyRow | None) -> dict[str, object]:
    body = body or BodyRow(request_id="", at=0.0)
    return {
        "request_body": _text_of(body.prompt),
        "response_body": _text_of(body.answer),
        "request_body_cut": body.prompt_cut,
        "response_body_cut": body.answer_cut,
    }


def _text_of(body: bytes | None) -> str | None:
    """Bodies pass the router as bytes; what is no UTF-8, or was cut within a character, is marked."""
    return None if body is None else body.decode("utf-8", "replace")


def _fields_of(record: ExchangeRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "at": rfc3339(record.at_unix_s),
        "model": record.model,
        "node_id": record.node_id,
        "key_id": record.key_id,
        "key_name": record.key_name,
        "status": record.status,
        "outcome": record.outcome.value,
        "stream": record.stream,
        "queue_ms": _milliseconds(record.queue_s),
        "ttft_ms": None if record.ttft_s is None else _milliseconds(record.ttft_s),
        "total_ms": _milliseconds(record.total_s),
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
        "estimated": record.tokens_estimated,
        "reason": record.reason,
        "attempts": [
            AttemptView(
                node_id=attempt.node_id,
                reason=attempt.reason,
                cause=attempt.cause,
                status=attempt.status,
                seconds=round(attempt.seconds, 4),
            )
            for attempt in record.attempts
        ],
        "error": record.error,
        "client_request_id": record.client_request_id,
    }


def _fields_of_row(row: RequestRow) -> dict[str, object]:
    return {
        "id": row.id,
        "at": rfc3339(row.at),
        "model": row.model,
        "node_id": row.node_id,
        "key_id": row.key_id,
        "key_name": read_details(row.details_json).key_name,
        "status": row.status,
        "outcome": row.outcome,
        "stream": row.stream,
        "queue_ms": round(row.queue_ms, 2),
        "ttft_ms": None if row.ttft_ms is None else round(row.ttft_ms, 2),
        "total_ms": round(row.total_ms, 2),
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "estimated": row.estimated,
        "reason": row.reason,
        "attempts": _attempts_of(row.attempts_json),
        "error": row.error,
        "client_request_id": row.client_request_id,
    }


def _attempts_of(text: str) -> list[AttemptView]:
    return [
        AttemptView(
            node_id=str(attempt.get("node_id", "")),
            reason=str(attempt.get("reason", "")),
            cause=str(attempt.get("cause", "")),
            status=int(attempt.get("status", 0)),
            seconds=round(float(attempt.get("seconds", 0.0)), 4),
        )
        for attempt in json.loads(text or "[]")
    ]


def _costs_of(text: str) -> list[CostView]:
    return [CostView(**cost) for cost in json.loads(text or "[]")]


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
