"""How a request left a node."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from llmlb.errors import Fault


class OutcomeKind(StrEnum):
    """How a request on a node ended."""

    ANSWERED = "answered"
    """A complete answer, or a 4xx that is the client's own."""
    FAILED = "failed"
    """An error or a broken answer."""
    UNREACHABLE = "unreachable"
    """The node did not take the connection: nothing was sent."""
    BUSY = "busy"
    """The node said that it has no room; it rests, its circuit is not charged."""
    CANCELLED = "cancelled"
    """The client went away."""


class Usage(Struct, frozen=True, gc=False):
    """What an answer took, as the engine told. Tokens; None: it did not say.

    prompt: all of the prompt, cached: the part that the engine did not have to read again.  estimated: ``completion``
    was counted by us, one for each content event.  prefill_s, decode_s: the engine's own timings.
    """

    prompt: int | None = None
    cached: int | None = None
    completion: int | None = None
    estimated: bool = False
    prefill_s: float | None = None
    decode_s: float | None = None


class Outcome(Struct, frozen=True, gc=False):
    """How it ended and whose fault it was. Durations in seconds from the dispatch to this node.

    rest_s: how long a busy node asked to be left alone.  model_missing: the node says that it does not have the model.
    usage: None where nothing was reported or counted.
    """

    kind: OutcomeKind
    fault: Fault | None = None
    total_s: float = 0.0
    ttft_s: float | None = None
    rest_s: float = 0.0
    error: str = ""
    usage: Usage | None = None
    model_missing: bool = False

    @classmethod
    def cancelled(cls) -> Outcome:
        return cls(OutcomeKind.CANCELLED)
