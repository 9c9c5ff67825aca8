"""Anthropic's messages."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmlb.sim.answers import Finish
from llmlb.sim.dialects.dialect import Usage
from llmlb.sim.dialects.events import json_text, named_event, split_at_text
from llmlb.sim.order import JsonObject, Order

_STOP_REASONS = {Finish.STOP: "end_turn", Finish.LENGTH: "max_tokens", Finish.ABORT: "abort"}


class MessagesDialect:
    """``/v1/messages``."""

    def __init__(self, order: Order, request_id: str) -> None:
        self._id = f"msg_{request_id}"
        self._model = order.model
        delta: JsonObject = {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "@@"},
        }
        self._before, self._after = split_at_text(named_event(delta))

    def opening(self, prompt_tokens: int) -> bytes:
        usage = {"input_tokens": prompt_tokens, "output_tokens": 0}
        message = self._message([], stop_reason=None, usage=usage)
        block = {"type": "text", "text": ""}
        return named_event({"type": "message_start", "message": message}) + named_event(
            {"type": "content_block_start", "index": 0, "content_block": block}
        )

    def token(self, text: str) -> bytes:
        return self._before + json_text(text) + self._after

    def closing(self, text: str, finish: Finish, usage: Usage) -> bytes:
        delta = {"stop_reason": _STOP_REASONS[finish], "stop_sequence": None}
        return (
            named_event({"type": "content_block_stop", "index": 0})
            + named_event({"type": "message_delta", "delta": delta, "usage": self._usage(usage)})
            + named_event({"type": "message_stop"})
        )

    def error_event(self, message: str) -> bytes:
        return named_event({"type": "error", "error": {"type": "api_error", "message": message}})

    def whole(self, text: str, finish: Finish, usage: Usage) -> bytes:
        content: list[JsonObject] = [{"type": "text", "text": text}]
        message = self._message(content, stop_reason=_STOP_REASONS[finish], usage=self._usage(usage))
        return msgspec.json.encode(message)

    def _message(
        self, content: Sequence[JsonObject], *, stop_reason: str | None, usage: JsonObject | dict[str, int]
    ) -> JsonObject:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": usage,
        }

    def _usage(self, usage: Usage) -> JsonObject:
        return {
            "input_tokens": usage.prompt_tokens - usage.cached_tokens,
            "cache_read_input_tokens": usage.cached_tokens,
            "output_tokens": usage.completion_tokens,
        }
