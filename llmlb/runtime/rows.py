"""What the router did, as the store keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict

from llmlb.api.request_details import details_of, text_of
from llmlb.api.request_records import cost_fields
from llmlb.core.record import ExchangeRecord
from llmlb.store.rows import BodyRow, EventRow, RequestRow
from llmlb.telemetry.events import FleetEvent
from llmlb.telemetry.requests import RecordedBody


def request_row(record: ExchangeRecord) -> RequestRow:
    """A record as the store keeps it."""
    return RequestRow(
        id=record.id,
        at=record.at_unix_s,
        model=record.model,
        node_id=record.node_id,
        key_id=record.key_id,
        status=record.status,
        outcome=record.outcome._value_,
        stream=record.stream,
        queue_ms=record.queue_s * 1000,
        ttft_ms=None if record.ttft_s is None else record.ttft_s * 1000,
        total_ms=record.total_s * 1000,
        prompt_tokens=record.prompt_tokens,
        completion_tokens=record.completion_tokens,
        estimated=record.tokens_estimated,
        attempts_json=json.dumps([asdict(attempt) for attempt in record.attempts]) if record.attempts else "[]",
        reason=record.reason,
        error=record.error,
        client_request_id=record.client_request_id,
        costs_json=json.dumps([cost_fields(cost) for cost in record.costs]) if record.costs else "[]",
        details_json=text_of(details_of(record)),
    )


def body_row(body: RecordedBody, limit_bytes: int) -> BodyRow:
    """What was said, as the store keeps it. limit_bytes: of each; whatever reaches it is taken to be cut there."""
    prompt, answer = body.prompt, body.answer
    return BodyRow(
        request_id=body.request_id,
        at=body.at_unix_s,
        prompt=prompt and prompt[:limit_bytes],
        answer=answer and answer[:limit_bytes],
        prompt_cut=len(prompt or b"") >= limit_bytes,
        answer_cut=len(answer or b"") >= limit_bytes,
    )


def event_row(event: FleetEvent) -> EventRow:
    """An event as the store keeps it."""
    return EventRow(
        at=event.at_unix_s,
        kind=event.kind,
        node_id=event.node_id,
        cause=event.cause,
        actor=event.actor,
        detail_json=json.dumps(dict(event.detail), default=str),
    )
