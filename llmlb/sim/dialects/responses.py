"""OpenAI's responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec

from llmlb.sim.answers import Finish
from llmlb.sim.dialects.dialect import Usage
from llmlb.sim.dialects.events import json_text, named_event, split_at_text
from llmlb.sim.order import JsonObject, Order


class ResponsesDialect:
    """``/v1/responses``. Its events are numbered."""

    def __init__(self, order: Order, request_id: str, created_at_s: int) -> None:
        self._id = f"resp_{request_id}"
        self._item_id = f"msg_{request_id}"
        self._model = order.model
        self._created_at_s = created_at_s
        self._sequence = 0
        self._before, self._after = split_at_text(
            named_event({"type": "response.output_text.delta", **self._place, "logprobs": [], "delta": "@@"})[:-3]
        )

    @property
    def _place(self) -> JsonObject:
        return {"item_id": self._item_id, "output_index": 0, "content_index": 0}

    def opening(self, prompt_tokens: int) -> bytes:
        response = self._response("in_progress", [], usage=None)
        item = self._item("in_progress", [])
        return (
            self._event({"type": "response.created", "response": response})
            + self._event({"type": "response.in_progress", "response": response})
            + self._event({"type": "response.output_item.added", "output_index": 0, "item": item})
            + self._event({"type": "response.content_part.added", **self._place, "part": self._part("")})
        )

    def token(self, text: str) -> bytes:
        number = self._next_number()
        return b'%b%b%b,"sequence_number":%d}\n\n' % (self._before, json_text(text), self._after, number)

    def closing(self, text: str, finish: Finish, usage: Usage) -> bytes:
        part = self._part(text)
        item = self._item("completed", [part])
        response = self._final(text, finish, usage)
        done: JsonObject = {"type": "response.output_text.done", **self._place, "text": text, "logprobs": []}
        return (
            self._event(done)
            + self._event({"type": "response.content_part.done", **self._place, "part": part})
            + self._event({"type": "response.output_item.done", "output_index": 0, "item": item})
            + self._event({"type": f"response.{response['status']}", "response": response})
        )

    def error_event(self, message: str) -> bytes:
        return self._event({"type": "error", "code": "engine_failed", "message": message, "param": None})

    def whole(self, text: str, finish: Finish, usage: Usage) -> bytes:
        return msgspec.json.encode(self._final(text, finish, usage))

    def _final(self, text: str, finish: Finish, usage: Usage) -> JsonObject:
        item = self._item("completed", [self._part(text)])
        match finish:
            case Finish.STOP:
                return self._response("completed", [item], usage=usage.responses)
            case Finish.LENGTH:
                response = self._response("incomplete", [item], usage=usage.responses)
                return {**response, "incomplete_details": {"reason": "max_output_tokens"}}
            case Finish.ABORT:
                response = self._response("failed", [item], usage=usage.responses)
                return {**response, "error": {"code": "server_error", "message": "The request was aborted."}}
        assert_never(finish)

    def _response(self, status: str, output: Sequence[JsonObject], *, usage: JsonObject | None) -> JsonObject:
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created_at_s,
            "status": status,
            "model": self._model,
            "output": output,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "usage": usage,
        }

    def _item(self, status: str, content: Sequence[JsonObject]) -> JsonObject:
        return {
            "id": self._item_id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def _part(self, text: str) -> JsonObject:
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _event(self, payload: JsonObject) -> bytes:
        return named_event({**payload, "sequence_number": self._next_number()})

    def _next_number(self) -> int:
        self._sequence += 1
        return self._sequence - 1
