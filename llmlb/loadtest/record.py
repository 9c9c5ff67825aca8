"""What is known about one request when it is over."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llmlb.loadtest.taxonomy import Ending

if TYPE_CHECKING:
    Gaps = array[float]
else:
    Gaps = array  # has no subscript at run time, where the live view's frames are decoded by these types


@dataclass(frozen=True, slots=True)
class Label:
    """Which request of the run it was.

    index: position in the plan.  phase: stage or sweep step.  arm: 0 for the target, 1 for what it is compared
    with.  session, turn: conversation and its turn, from 0.  pair: what both arms were asked alike.
    warm_up: sent before the measurement or in its ramp, so not counted.  tenant: whose key it carried, may be empty.
    """

    index: int
    phase: int = 0
    arm: int = 0
    session: int = -1
    turn: int = 0
    pair: int = -1
    warm_up: bool = False
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Routing:
    """What llmlb's response headers told; empty against any other server."""

    node: str = ""
    reason: str = ""
    request_id: str = ""
    attempts: int = 1
    queue_ms: float | None = None
    overhead_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts of one answer. estimated: no usage came, so content events were counted."""

    prompt: int = 0
    completion: int = 0
    cached: int | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The lengths a request was made for, in tokens; 0 where any length would do."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One request from its scheduled start to its last byte.

    All instants are seconds since the start of the run; None where the request never got that far.
    scheduled_at_s: when the plan wanted it.  slot_at_s: when a slot was free for it.  connect_s: spent dialling.
    first_content_at_s: first content event.  first_answer_at_s: first event of the answer after reasoning.
    content_gaps_s: time between consecutive content events.  retry_after_s: what a 429 or 503 asked for.
    """

    label: Label
    ending: Ending
    detail: str
    status: int
    scheduled_at_s: float
    slot_at_s: float
    sent_at_s: float | None
    head_at_s: float | None
    first_content_at_s: float | None
    first_answer_at_s: float | None
    ended_at_s: float
    connect_s: float = 0.0
    content_gaps_s: Gaps = field(default_factory=lambda: array("d"))
    events: int = 0
    finish_reason: str = ""
    tokens: Tokens = Tokens()
    asked: Asked = Asked()
    routing: Routing = Routing()
    retry_after_s: float | None = None
    usage_fault: str = ""
    reconnects: int = 0

    @property
    def ttft_s(self) -> float | None:
        """First content event since the scheduled start: free of coordinated omission."""
        return None if self.first_content_at_s is None else self.first_content_at_s - self.scheduled_at_s

    @property
    def ttft_service_s(self) -> float | None:
        """First content event since the request was sent."""
        if self.first_content_at_s is None or self.sent_at_s is None:
            return None
        return self.first_content_at_s - self.sent_at_s

    @property
    def e2e_s(self) -> float:
        """Last byte since the scheduled start."""
        return self.ended_at_s - self.scheduled_at_s

    @property
    def e2e_service_s(self) -> float | None:
        """Last byte since the request was sent."""
        return None if self.sent_at_s is None else self.ended_at_s - self.sent_at_s

    @property
    def last_content_at_s(self) -> float | None:
        if self.first_content_at_s is None:
            return None
        return self.first_content_at_s + sum(self.content_gaps_s)

    @property
    def tpot_s(self) -> float | None:
        """Time per output token, the first one excluded; None for answers of fewer than two tokens."""
        last_at_s = self.last_content_at_s
        if last_at_s is None or self.first_content_at_s is None or self.tokens.completion < 2:
            return None
        return (last_at_s - self.first_content_at_s) / (self.tokens.completion - 1)

    @property
    def lag_s(self) -> float | None:
        """How late this client was itself: sent, less when it could have been, less the dialling."""
        if self.sent_at_s is None:
            return None
        return max(0.0, self.sent_at_s - max(self.scheduled_at_s, self.slot_at_s) - self.connect_s)
