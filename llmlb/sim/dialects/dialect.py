"""What every API can write of an answer, and the figures that go with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from llmlb.sim.answers import Finish
from llmlb.sim.order import JsonObject


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and times of one answer, as the engine measured them."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    prompt_ms: float
    predicted_ms: float

    @property
    def openai(self) -> JsonObject:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        }

    @property
    def responses(self) -> JsonObject:
        return {
            "input_tokens": self.prompt_tokens,
            "input_tokens_details": {"cached_tokens": self.cached_tokens},
            "output_tokens": self.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }

    @property
    def timings(self) -> JsonObject:
        """The block that llama.cpp adds to every answer."""
        return {
            "cache_n": self.cached_tokens,
            "prompt_n": self.prompt_tokens - self.cached_tokens,
            "prompt_ms": round(self.prompt_ms, 3),
            "predicted_n": self.completion_tokens,
            "predicted_ms": round(self.predicted_ms, 3),
        }


class Dialect(Protocol):
    """One answer in one API's words. The bytes are complete server-sent events, or a whole JSON body."""

    def opening(self, prompt_tokens: int) -> bytes:
        """Events before the first token."""

    def token(self, text: str) -> bytes:
        """The event of one token."""

    def closing(self, text: str, finish: Finish, usage: Usage) -> bytes:
        """Events after the last token."""

    def error_event(self, message: str) -> bytes:
        """An error inside the stream, and what the engine sends after it."""

    def whole(self, text: str, finish: Finish, usage: Usage) -> bytes:
        """The answer in one piece."""
