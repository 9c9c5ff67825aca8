"""The head that a client gets: built anew from the node's, with only those fields that are meant for clients."""

from __future__ import annotations

from llmlb.proxy.replies import status_phrase, trace_fields
from llmlb.proxy.upstream import AnswerHead, Framing
from llmlb.telemetry.requests import ExchangeRecord

_PASSED = frozenset({b"content-type", b"cache-control", b"retry-after", b"request-id"})
_PASSED_PREFIXES = (b"openai-", b"anthropic-", b"x-ratelimit-")


def answer_head(
    head: AnswerHead, record: ExchangeRecord, *, tries: int, keep_alive: bool, no_retry: bool = False
) -> bytes:
    """Status line to empty line. Cookies, server names and hop-by-hop fields of the node never get here."""
    lines = [b"HTTP/1.1 %d %s\r\n" % (head.status, status_phrase(head.status))]
    for name, value in head.fields:
        if name in _PASSED or name.startswith(_PASSED_PREFIXES):
            lines.append(b"%b: %b\r\n" % (name, value))
    lines.append(trace_fields(record, tries=tries))
    if no_retry:
        lines.append(b"x-should-retry: false\r\n")
    if not keep_alive:
        lines.append(b"connection: close\r\n")
    if head.framing is Framing.LENGTH:
        lines.append(b"content-length: %d\r\n\r\n" % head.content_length)
    else:
        lines.append(b"transfer-encoding: chunked\r\n\r\n")
    return b"".join(lines)


def retry_after_s(head: AnswerHead) -> float | None:
    """The node's Retry-After in seconds; None when absent or a date, which no engine sends."""
    value = head.get(b"retry-after")
    if value is None or not value.isdigit() or len(value) > 6:
        return None
    return float(value)
