"""The head that a client gets: built anew from the node's, with only those fields that are meant for clients."""

from __future__ import annotations

from datetime import UTC

from llmlb.clock import unix_s
from llmlb.core.record import ExchangeRecord
from llmlb.proxy.replies import trace_text
from llmlb.proxy.upstream import AnswerHead, Framing

_BY_LENGTH = Framing.LENGTH
"""Looking up a member of an enumeration takes longer than the comparison."""


def answer_head(
    head: AnswerHead, record: ExchangeRecord, tries: int, keep_alive: bool, no_retry: bool = False
) -> bytes:
    """Status line to empty line."""
    told = "" if keep_alive else "connection: close\r\n"
    if no_retry:
        told += "x-should-retry: false\r\n"
    is_sized = head.framing is _BY_LENGTH
    framing = f"content-length: {head.content_length}" if is_sized else "transfer-encoding: chunked"
    return f"{head.passed}{trace_text(record, tries)}{told}{framing}\r\n\r\n".encode("latin-1")


def retry_after_s(head: AnswerHead) -> float | None:
    """The node's Retry-After in seconds, from a number or an HTTP date; None when absent, past or unreadable."""
    value = head.get(b"retry-after")
    if value is None:
        return None
    if value.isdigit():
        return float(value) if len(value) <= 6 else None
    until_s = _unix_s_of(value)
    if until_s is None:
        return None
    # By the node's own clock if it tells it, which may differ from ours.
    now_s = _unix_s_of(head.get(b"date") or b"") or unix_s()
    return until_s - now_s if until_s > now_s else None


def _unix_s_of(http_date: bytes) -> float | None:
    """RFC 9110 section 5.6.7: always GMT, whatever the form says."""
    from email.utils import parsedate_to_datetime  # only where a node sends a date: engines send numbers

    try:
        return parsedate_to_datetime(http_date[:40].decode("latin-1")).replace(tzinfo=UTC).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
