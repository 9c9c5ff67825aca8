"""The head that a client gets: built anew from the node's, with only those fields that are meant for clients."""

from __future__ import annotations

from llmlb.proxy.replies import trace_fields
from llmlb.proxy.upstream import AnswerHead, Framing
from llmlb.telemetry.requests import ExchangeRecord


def answer_head(
    head: AnswerHead, record: ExchangeRecord, *, tries: int, keep_alive: bool, no_retry: bool = False
) -> bytes:
    """Status line to empty line."""
    return b"%b%b%b%b%b" % (
        head.passed,
        trace_fields(record, tries=tries),
        b"x-should-retry: false\r\n" if no_retry else b"",
        b"" if keep_alive else b"connection: close\r\n",
        b"content-length: %d\r\n\r\n" % head.content_length
        if head.framing is Framing.LENGTH
        else b"transfer-encoding: chunked\r\n\r\n",
    )


def retry_after_s(head: AnswerHead) -> float | None:
    """The node's Retry-After in seconds; None when absent or a date, which no engine sends."""
    value = head.get(b"retry-after")
    if value is None or not value.isdigit() or len(value) > 6:
        return None
    return float(value)
