"""One line for each exchange, at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from llmlb.core.record import ExchangeOutcome, ExchangeRecord
from llmlb.telemetry.log_line import FieldValue, LogLine, instant, quoted, safe

LOGGER = "llmlb.access"
_LEVEL = "INFO"
_COLUMNS = f" {_LEVEL:<8} {LOGGER:<24} "
_NO_STATUS = "-"
_ANSWERED = ExchangeOutcome.ANSWERED

_known = lru_cache(maxsize=1024)(safe)
"""For values that come again and again: looking at every character of them each time costs more than the rest."""


@lru_cache(maxsize=1024)
def _way(model: str, node_id: str, reason: str, key_name: str, address: str) -> str:
    """The fields that the requests of one client for one model on one node have in common."""
    key = f" key={quoted(safe(key_name))}" if key_name else ""
    peer = f" address={quoted(safe(address))}" if address else ""
    return f"model={quoted(safe(model))} node_id={quoted(safe(node_id))} reason={reason}{key}{peer}"


class AccessLog:
    """Collects records and writes their lines together: a line on its own would cost more than choosing the node.

    emit: takes text that ends in a line break.  render: one line of it.  batch: so many records are written at once
    without waiting for ``flush``.
    """

    def __init__(
        self, emit: Callable[[str], None], render: Callable[[ExchangeRecord], str], *, batch: int = 200
    ) -> None:
        self._emit = emit
        self._render = render
        self._batch = batch
        self._waiting: list[ExchangeRecord] = []

    def take(self, records: Sequence[ExchangeRecord]) -> None:
        """Take finished exchanges; their lines come with the next batch."""
        self._waiting += records
        if len(self._waiting) >= self._batch:
            self.flush()

    def flush(self) -> None:
        """Write what was collected. Call it a few times a second, and at the end."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._emit("\n".join([*map(self._render, waiting), ""]))


def _ms_text(seconds: float) -> str:
    return f"{seconds * 1000:.1f}".removesuffix(".0")


def access_text(record: ExchangeRecord) -> str:
    """``access_line(record).text(coloured=False)`` for the usual record, without the steps in between."""
    if record.outcome is not _ANSWERED or record.attempts or record.error or record.client_request_id:
        return access_line(record).text(coloured=False)
    queue = f" queue_ms={_ms_text(record.queue_s)}" if record.queue_s else ""
    ttft = "" if record.ttft_s is None else f" ttft_ms={_ms_text(record.ttft_s)}"
    prompt = "" if record.prompt_tokens is None else f" prompt_tokens={record.prompt_tokens}"
    completion = "" if record.completion_tokens is None else f" completion_tokens={record.completion_tokens}"
    way = _way(record.model, record.node_id, record.reason, record.key_name, record.address)
    return (
        f"{instant(record.at_unix_s + record.total_s)}{_COLUMNS}"
        f"{record.endpoint} {record.status} answered id={record.id} {way} "
        f"total_ms={_ms_text(record.total_s)}{queue}{ttft}{prompt}{completion} bytes_out={record.bytes_out}"
    )


def access_line(record: ExchangeRecord) -> LogLine:
    """What an operator asks of a request: which, how it ended, where, how long, how much. Never what was said."""
    fields: dict[str, FieldValue] = {"id": record.id}
    if record.model:
        fields["model"] = _known(record.model)
    if record.node_id:
        fields["node_id"] = _known(record.node_id)
        fields["reason"] = str(record.reason)
    if record.key_name:
        fields["key"] = _known(record.key_name)
    if record.address:
        fields["address"] = _known(record.address)
    if record.error:
        fields["error"] = safe(record.error)
    if record.client_request_id:
        fields["client_request_id"] = safe(record.client_request_id)
    fields.update(_measures(record))
    message = f"{record.endpoint} {record.status or _NO_STATUS} {record.outcome}"
    if record.cancelled_phase is not None:
        message = f"{message} while {record.cancelled_phase}"
    return LogLine(record.at_unix_s + record.total_s, _LEVEL, LOGGER, message, fields)


def _measures(record: ExchangeRecord) -> dict[str, FieldValue]:
    measures: dict[str, FieldValue] = {"total_ms": _ms(record.total_s)}
    if record.queue_s:
        measures["queue_ms"] = _ms(record.queue_s)
    if record.ttft_s is not None:
        measures["ttft_ms"] = _ms(record.ttft_s)
    if record.prompt_tokens is not None:
        measures["prompt_tokens"] = record.prompt_tokens
    if record.completion_tokens is not None:
        measures["completion_tokens"] = record.completion_tokens
    if record.attempts:
        measures["failed_attempts"] = len(record.attempts)
    measures["bytes_out"] = record.bytes_out
    return measures


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
