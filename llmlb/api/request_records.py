"""Request records for people: the recent ones from memory, older ones from the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from llmlb.api.answers import ApiRefusal
from llmlb.api.services import Services
from llmlb.clock import rfc3339
from llmlb.core.choice import Cost
from llmlb.core.lineup import NAMED_NODES, Lineup
from llmlb.core.record import ExchangeRecord, RecordFilter
from llmlb.errors import StoreError
from llmlb.store.rows import BodyRow
from llmlb.telemetry.requests import RECENT_RECORDS
from llmlb.wire.records import AttemptView, CostView, LeftOutView, RequestDetail, RequestView


async def list_requests(services: Services, limit: int, filters: RecordFilter) -> list[RequestView]:
    """The last to arrive of those that pass, newest first. What memory lacks comes from the store, if that answers."""
    # Memory is in the order of ending: a long request would stand before all that came and went meanwhile.
    recent = _newest(services.requests.recent(RECENT_RECORDS, filters), limit)
    if len(recent) < limit or recent[-1].at_unix_s <= services.requests.gone_until_unix_s:
        known = {record.id for record in recent}
        older = [record for record in await _stored(services, limit, filters) if record.id not in known]
        recent = _newest([*recent, *older], limit)
    return [RequestView(**_fields_of(record)) for record in recent]


async def get_request(services: Services, request_id: str, *, with_bodies: bool) -> RequestDetail:
    """One record. with_bodies: also what was said in it, as far as that was recorded and is kept."""
    record = services.requests.get(request_id) or await services.store.get_request(request_id)
    if record is None:
        message = f"There is no record of the request {request_id[:100]!r}. GET /v0/requests lists the recent ones."
        raise ApiRefusal(404, "request_not_found", message, param="request_id")
    body = await _body_of(services, request_id) if with_bodies else None
    return RequestDetail(**_fields_of(record), **_detail_fields_of(record), **_body_fields(body))


def cost_fields(cost: Cost) -> dict[str, object]:
    """The fields of ``wire.records.CostView``."""
    terms = {name: round(seconds, 6) for name, seconds in cost.terms.items()}
    return {"node_id": cost.node_id, "total_s": round(cost.total_s, 6), "terms": terms}


def _newest(records: Sequence[ExchangeRecord], limit: int) -> list[ExchangeRecord]:
    return sorted(records, key=lambda record: record.at_unix_s, reverse=True)[:limit]


async def _stored(services: Services, limit: int, filters: RecordFilter) -> Sequence[ExchangeRecord]:
    try:
        return await services.store.list_requests(limit, filters)
    except StoreError:
        # The recent ones are worth showing while the store is stuck.
        return ()


async def _body_of(services: Services, request_id: str) -> BodyRow | None:
    try:
        return await services.store.get_body(request_id)
    except StoreError:
        # Where it went and why is worth showing while the store is stuck.
        return None


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


def _detail_fields_of(record: ExchangeRecord) -> dict[str, object]:
    """What ``RequestDetail`` adds to a line of the list, but for what was said."""
    return {
        "endpoint": record.endpoint,
        "address": record.address,
        "cancelled_phase": record.cancelled_phase,
        "queue_position": record.queue_position,
        "overhead_ms": _milliseconds(record.overhead_s),
        "events": record.events,
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
        "costs": [CostView.model_validate(cost_fields(cost)) for cost in record.costs],
        **({} if record.lineup is None else _lineup_fields(record.lineup)),
    }


def _lineup_fields(lineup: Lineup) -> dict[str, object]:
    named: list[LeftOutView] = []
    counts: Counter[str] = Counter()
    for part in (lineup.serving, lineup.others):
        pairs = zip(part.node_ids, part.reasons, strict=False)
        named += [LeftOutView(node_id=node_id, because=because) for node_id, because in pairs]
        counts.update(part.counts)
    # Unary plus leaves out what is 0.
    return {"eligible": lineup.eligible, "left_out": named[:NAMED_NODES], "left_out_counts": dict(+counts)}


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


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
