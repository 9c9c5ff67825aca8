"""What one event of an answer carries: content, the end, usage, or an error.

A content event is one whose delta has non-empty content, reasoning, tool calls or text. The role-only first
event, the usage event and comments are none: counting them as a first token flatters the TTFT.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import msgspec

_CONTENT = re.compile(rb'"(?:content|reasoning_content|reasoning|text)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[\s*\{')
_MORE = re.compile(rb'"(?:finish_reason"\s*:\s*"|usage"\s*:\s*\{)')


@dataclass(frozen=True, slots=True)
class Delta:
    """One decoded event, or a whole answer that was not streamed."""

    text: str = ""
    reasoning: bool = False
    tool_calls: bool = False
    finish_reason: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    error: str = ""

    @property
    def has_content(self) -> bool:
        return bool(self.text) or self.reasoning or self.tool_calls


def is_plain_content(payload: bytes) -> bool:
    """Whether an event is content and nothing more; told from the bytes, as decoding each would cost 3 us."""
    return _CONTENT.search(payload) is not None and _MORE.search(payload) is None


def decode(payload: bytes) -> Delta:
    """Reads one event or answer. Raises ValueError if it is not a JSON object."""
    value = _json(payload)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    if value.get("error"):
        return Delta(error=_error_text(value["error"]))
    usage = value.get("usage")
    prompt_tokens, completion_tokens, cached_tokens = _usage(usage if isinstance(usage, dict) else {})
    choice = _first_choice(value)
    part = choice.get("delta") or choice.get("message") or choice
    part = part if isinstance(part, dict) else {}
    return Delta(
        text=_string(part.get("content")) or _string(part.get("text")),
        reasoning=bool(_string(part.get("reasoning_content")) or _string(part.get("reasoning"))),
        tool_calls=bool(part.get("tool_calls")),
        finish_reason=_string(choice.get("finish_reason")),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cached_tokens=cached_tokens,
    )


def _json(payload: bytes) -> object:
    try:
        try:
            return msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # The stricter reader refuses half a surrogate pair, which engines send when a token ends within one.
            return json.loads(payload)
    except RecursionError:
        raise ValueError("JSON nested too deep") from None


def _first_choice(value: dict[str, object]) -> dict[str, object]:
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0]
    return {}


def _usage(usage: dict[str, object]) -> tuple[int | None, int | None, int | None]:
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")), _count(cached)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40 else None


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _error_text(error: object) -> str:
    if isinstance(error, dict):
        return _string(error.get("message")) or _string(error.get("code")) or "error without a message"
    return str(error)
