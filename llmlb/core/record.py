"""The record of one client request: what the proxy fills in, the store keeps and people are shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from llmlb.core.choice import Cost
from llmlb.core.lineup import Lineup


class ExchangeOutcome(StrEnum):
    """How a client's request ended."""

    ANSWERED = "answered"
    """A complete answer went out, or a 4xx that is the client's own."""
    FAILED = "failed"
    """A node took it and it did not become an answer."""
    CANCELLED = "cancelled"
    """The client went away."""
    REFUSED = "refused"
    """No node was asked: nobody could take it, or it was not acceptable."""


_FAILED, _REFUSED = ExchangeOutcome.FAILED, ExchangeOutcome.REFUSED
"""Looking up a member of an enumeration takes longer than counting it."""


class Phase(StrEnum):
    """Where a request was when its client went away."""

    QUEUED = "queued"
    CONNECTING = "connecting"
    WAITING = "waiting"
    STREAMING = "streaming"


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One try on one node. reason: why that node.  cause: why it failed, "" if it did not.

    status: the node's, 0 when none came.  seconds: from the dispatch to the end of the try.
    """

    node_id: str
    reason: str
    cause: str = ""
    status: int = 0
    seconds: float = 0.0


class ExchangeRecord(Struct, eq=False, gc=False, omit_defaults=True):
    """One client request from arrival to last byte; the proxy fills it in and lets go of it when it ended.

    node_id, reason: of the last attempt, "" if there was none.  status: as sent to the client, 0 if nothing was.
    queue_position: 1 is the head, 0 never queued.  ttft_s: arrival to first content.  content_s: first content event to
    last.  ended_at_s: monotonic.  overhead_s: the router's own share of total_s.  events: content events of a stream.
    Tokens: None when unknown; tokens_estimated: counted from the stream's events, not taken from ``usage``.
    attempts: the tries that failed, in order.  costs: what the priced candidates would have cost at the last choice,
    cheapest first.  lineup: how the nodes of the model stood at the last choice, or when nobody could take it; None
    before either.
    prompt, answer: what was said, as it passed the router and cut to a limit; None unless the operator switched that
    on. ``RequestLog`` takes them out: they stay neither in memory nor in any listing.
    """

    id: str
    at_unix_s: float
    endpoint: str = ""
    model: str = ""
    stream: bool = False
    key_id: str = ""
    key_name: str = ""
    address: str = ""
    client_request_id: str = ""
    node_id: str = ""
    reason: str = ""
    status: int = 0
    outcome: ExchangeOutcome = ExchangeOutcome.FAILED
    cancelled_phase: Phase | None = None
    error: str = ""
    queue_s: float = 0.0
    queue_position: int = 0
    ttft_s: float | None = None
    content_s: float = 0.0
    total_s: float = 0.0
    ended_at_s: float = 0.0
    overhead_s: float = 0.0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    tokens_estimated: bool = False
    events: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    attempts: tuple[AttemptRecord, ...] = ()
    costs: tuple[Cost, ...] = ()
    lineup: Lineup | None = None
    prompt: bytes | None = None
    answer: bytes | None = None

    def __repr__(self) -> str:
        # What was said must not get into a log by way of a traceback or a message.
        return f"ExchangeRecord(id={self.id!r}, model={self.model!r}, status={self.status})"

    @property
    def is_error(self) -> bool:
        """Whether an operator should count it as one: a failure, or a refusal that is not the client's own."""
        outcome = self.outcome
        return outcome is _FAILED or (outcome is _REFUSED and self.status >= 500)


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records to list: every field that is given must match. before_unix_s: arrived earlier than this."""

    model: str | None = None
    node_id: str | None = None
    key_id: str | None = None
    outcome: str | None = None
    status: int | None = None
    before_unix_s: float | None = None
    since_unix_s: float | None = None

    def admits(self, record: ExchangeRecord) -> bool:
        return (
            (self.model is None or record.model == self.model)
            and (self.node_id is None or record.node_id == self.node_id)
            and (self.key_id is None or record.key_id == self.key_id)
            and (self.outcome is None or record.outcome == self.outcome)
            and (self.status is None or record.status == self.status)
            and (self.before_unix_s is None or record.at_unix_s < self.before_unix_s)
            and (self.since_unix_s is None or record.at_unix_s >= self.since_unix_s)
        )


EVERY_RECORD = RecordFilter()
