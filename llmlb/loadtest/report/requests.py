"""One flat row per request, for NDJSON and CSV: the same fields in both."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

from llmlb.loadtest.record import Record

FIELDS = (
    "index", "phase", "arm", "pair", "session", "turn", "warm_up", "ending", "detail", "status",
    "scheduled_ms", "slot_ms", "sent_ms", "head_ms", "first_content_ms", "ended_ms", "connect_ms", "lag_ms",
    "ttft_ms", "ttft_service_ms", "tpot_ms", "stall_ms", "e2e_ms", "events", "prompt_tokens",
    "completion_tokens", "cached_tokens", "estimated", "finish_reason", "node", "reason", "attempts",
    "queue_ms", "overhead_ms", "request_id", "retry_after_s", "tenant",
)  # fmt: skip
"""Instants are milliseconds since the start of the run. Fields are only ever added, at the end."""

Cell = str | int | float | bool | None


def request_row(record: Record) -> dict[str, Cell]:
    """One request; null where it never got that far."""
    label, routing, tokens = record.label, record.routing, record.tokens
    cells: tuple[Cell, ...] = (
        label.index, label.phase, label.arm, _known(label.pair), _known(label.session), label.turn, label.warm_up,
        str(record.ending), record.detail, record.status or None,
        _ms(record.scheduled_at_s), _ms(record.slot_at_s), _ms(record.sent_at_s), _ms(record.head_at_s),
        _ms(record.first_content_at_s), _ms(record.ended_at_s), _ms(record.connect_s), _ms(record.lag_s),
        _ms(record.ttft_s), _ms(record.ttft_service_s), _ms(record.tpot_s),
        _ms(max(record.content_gaps_s, default=None)), _ms(record.e2e_s), record.events, tokens.prompt,
        tokens.completion, tokens.cached, tokens.estimated, record.finish_reason, routing.node, routing.reason,
        routing.attempts, routing.queue_ms, routing.overhead_ms, routing.request_id, record.retry_after_s,
        label.tenant,
    )  # fmt: skip
    return dict(zip(FIELDS, cells, strict=True))


def ndjson_report(records: Iterable[Record]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(request_row(record), ensure_ascii=False) + "\n" for record in records)


def csv_report(records: Iterable[Record]) -> str:
    """RFC 4180 with a header line. A text that a spreadsheet would run as a formula gets a leading quote."""
    target = io.StringIO()
    writer = csv.DictWriter(target, FIELDS, lineterminator="\r\n")
    writer.writeheader()
    for record in records:
        writer.writerow({name: _inert(cell) for name, cell in request_row(record).items()})
    return target.getvalue()


def _inert(cell: Cell) -> Cell:
    if isinstance(cell, bool):
        return str(cell).lower()
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@") else cell


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _known(number: int) -> int | None:
    return number if number >= 0 else None
