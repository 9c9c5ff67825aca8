"""OpenAI's chat completions, and the older completions that differ in a few fields."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmlb.sim.answers import Finish
from llmlb.sim.dialects.dialect import Usage
from llmlb.sim.dialects.events import DONE, data_event, error_object, json_text, split_at_text
from llmlb.sim.order import JsonObject, Order


class ChatDialect:
    """``/v1/chat/completions``."""

    _id_prefix = "chatcmpl-"
    _object = "chat.completion"
    _chunk_object = "chat.completion.chunk"

    def __init__(self, order: Order, request_id: str, created_at_s: int) -> None:
        self._includes_usage = order.includes_usage
        self._common: JsonObject = {
            "id": self._id_prefix + request_id,
            "created": created_at_s,
            "model": order.model,
        }
        self._before, self._after = split_at_text(data_event(self._chunk([self._delta("@@")])))

    def opening(self, prompt_tokens: int) -> bytes:
        role = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        return data_event(self._chunk([role]))

    def token(self, text: str) -> bytes:
        return self._before + json_text(text) + self._after

    def closing(self, text: str, finish: Finish, usage: Usage) -> bytes:
        last = data_event({**self._chunk([self._delta_end(finish)]), "timings": usage.timings})
        if self._includes_usage:
            last += data_event({**self._chunk([]), "usage": usage.openai})
        return last + DONE

    def error_event(self, message: str) -> bytes:
        return data_event(error_object(message, "internal_error", "engine_failed")) + DONE

    def whole(self, text: str, finish: Finish, usage: Usage) -> bytes:
        body = {"object": self._object, **self._common, "choices": [self._choice(text, finish)]}
        return msgspec.json.encode({**body, "usage": usage.openai, "timings": usage.timings})

    def _chunk(self, choices: Sequence[JsonObject]) -> JsonObject:
        return {"object": self._chunk_object, **self._common, "choices": choices}

    def _delta(self, text: str) -> JsonObject:
        return {"index": 0, "delta": {"content": text}, "finish_reason": None}

    def _delta_end(self, finish: Finish) -> JsonObject:
        return {"index": 0, "delta": {}, "finish_reason": finish}

    def _choice(self, text: str, finish: Finish) -> JsonObject:
        return {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "logprobs": None,
            "finish_reason": finish,
        }


class CompletionsDialect(ChatDialect):
    """``/v1/completions``."""

    _id_prefix = "cmpl-"
    _object = "text_completion"
    _chunk_object = "text_completion"

    def opening(self, prompt_tokens: int) -> bytes:
        return b""

    def _delta(self, text: str) -> JsonObject:
        return {"index": 0, "text": text, "logprobs": None, "finish_reason": None}

    def _delta_end(self, finish: Finish) -> JsonObject:
        return {"index": 0, "text": "", "logprobs": None, "finish_reason": finish}

    def _choice(self, text: str, finish: Finish) -> JsonObject:
        return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
