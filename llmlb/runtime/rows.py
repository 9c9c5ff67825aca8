"""What was said and what happened, as the store keeps it."""

from __future__ import annotations

import json

from llmlb.store.rows import BodyRow, EventRow
from llmlb.telemetry.events import FleetEvent
from llmlb.telemetry.requests import RecordedBody


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
