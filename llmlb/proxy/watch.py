"""Watching a stream of events go by: the first content, how it ends, and how many tokens it was.

Bytes are relayed as they come; this only looks at them. A few substring searches decide whether a read holds anything
of note, and only such a read is decoded. Success is what the official SDKs take for a complete answer, see
``_DIALECTS``; everything else is the node's failure, a polite ``abort`` and an error inside a 200 included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, Any

import msgspec

from llmlb.core.choice import Endpoint
from llmlb.core.outcome import Usage

MAX_EVENT_BYTES = 1 << 20
MOST_TOKENS = 1 << 53
MOST_MS = 1e9
_CONTENT = b'"content":"'

_decode = msgspec.json.Decoder().decode

Event = dict[str, Any]  # decoded JSON of an engine: anything may be anywhere in it
"""One event's data."""


class Sight(Enum):
    """What an event is."""

    NOISE = auto()
    """A role, a ping, a comment, a usage report: no content."""
    CONTENT = auto()
    FINISH = auto()
    """The engine says why it stopped, and the reason is a good one."""
    END = auto()
    """The end mark of the dialect."""
    FAILURE = auto()
    """An error, or a finish that is none."""


class Verdict(Enum):
    """What a read means for the exchange; the worst of its events."""

    QUIET = auto()
    CONTENT = auto()
    """Content or a finish has been seen: the answer may be committed."""
    FAILURE = auto()


_QUIET = Verdict.QUIET


class Tokens(msgspec.Struct):
    """Token counts, and how long they took in seconds, as the engine reported them; None where it did not."""

    prompt: int | None = None
    completion: int | None = None
    cached: int | None = None
    prefill_s: float | None = None
    decode_s: float | None = None

    def usage(self, events: int | None = None) -> Usage:
        """All of it. events: of a stream, which stand for its tokens where the engine did not count them."""
        is_estimated = self.completion is None and events is not None
        completion = events if is_estimated else self.completion
        return Usage(self.prompt, self.cached, completion, is_estimated, self.prefill_s, self.decode_s)

    def take(self, usage: object) -> None:
        """Read a ``usage`` object of any dialect. Wrong types are ignored: they are the node's words."""
        if not isinstance(usage, dict):
            return
        find = usage.get
        details = find("prompt_tokens_details") or find("input_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, dict) else find("cache_read_input_tokens")
        self.prompt = _count(find("prompt_tokens", find("input_tokens")), self.prompt)
        self.completion = _count(find("completion_tokens", find("output_tokens")), self.completion)
        if cached is not None:
            self.cached = _count(cached, self.cached)

    def take_timings(self, timings: object) -> None:
        """Read llama.cpp's ``timings``."""
        if isinstance(timings, dict):
            self.prefill_s = _seconds(timings.get("prompt_ms"))
            self.decode_s = _seconds(timings.get("predicted_ms"))


def _count(value: object, otherwise: int | None) -> int | None:
    return value if type(value) is int and 0 <= value < MOST_TOKENS else otherwise


def _seconds(milliseconds: object) -> float | None:
    if isinstance(milliseconds, int | float) and 0 <= milliseconds < MOST_MS:
        return milliseconds / 1000
    return None


GOOD_FINISHES = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
_FINE_FINISHES = GOOD_FINISHES | {None}
BAD_STOPS = ("abort", "error", "cancelled")


def _sight_openai(event: Event) -> Sight:
    if event.get("error") is not None:
        return Sight.FAILURE
    sight = Sight.NOISE
    for choice in _objects(event.get("choices")):
        finish = choice.get("finish_reason")
        if finish is not None:
            is_good = isinstance(finish, str) and finish in GOOD_FINISHES
            return Sight.FINISH if is_good else Sight.FAILURE
        delta = choice.get("delta")
        if choice.get("text") or (isinstance(delta, dict) and _has_content(delta)):
            sight = Sight.CONTENT
    return sight


def _has_content(delta: Event) -> bool:
    return bool(
        delta.get("content") or delta.get("reasoning_content") or delta.get("reasoning") or delta.get("tool_calls")
    )


def _sight_messages(event: Event) -> Sight:
    match event.get("type"):
        case "content_block_delta":
            delta = event.get("delta")
            texts = delta.values() if isinstance(delta, dict) else ()
            return Sight.CONTENT if sum(isinstance(text, str) and bool(text) for text in texts) > 1 else Sight.NOISE
        case "message_delta":
            delta = event.get("delta")
            reason = delta.get("stop_reason") if isinstance(delta, dict) else None
            if reason is None:
                return Sight.NOISE
            return Sight.FAILURE if reason in BAD_STOPS else Sight.FINISH
        case "message_stop":
            return Sight.END
        case "error":
            return Sight.FAILURE
    return Sight.NOISE


def _sight_responses(event: Event) -> Sight:
    kind = event.get("type")
    if not isinstance(kind, str):
        return Sight.NOISE
    if kind.endswith(".delta"):
        return Sight.CONTENT if event.get("delta") else Sight.NOISE
    match kind:
        case "response.completed" | "response.incomplete":
            return Sight.END
        case "response.failed" | "error":
            return Sight.FAILURE
    return Sight.NOISE


def _objects(value: object) -> list[Event]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one endpoint's streams look. marks: what a read must hold to be worth decoding once content flows."""

    sight: Callable[[Event], Sight]
    marks: tuple[bytes, ...]
    needs_finish: bool


_OPENAI = Dialect(
    _sight_openai,
    (b"[DONE]", b'finish_reason":"', b'finish_reason": "', b'"error"', b'"usage":{', b'"usage": {'),
    needs_finish=True,
)
_DIALECTS = {
    Endpoint.CHAT: _OPENAI,
    Endpoint.COMPLETIONS: _OPENAI,
    Endpoint.EMBEDDINGS: _OPENAI,
    Endpoint.MESSAGES: Dialect(_sight_messages, (b"message_", b"error"), needs_finish=True),
    Endpoint.RESPONSES: Dialect(
        _sight_responses, (b"response.completed", b"response.incomplete", b"error", b"failed"), needs_finish=False
    ),
}


class StreamWatch:
    """Follows the events of one answer over any split of its bytes.

    After a read with the verdict FAILURE, ``sound_bytes`` tells how much of that read came before the bad event; -1
    when the bad event began in an earlier read, part of which is gone to the client already.
    """

    __slots__ = (
        "_after",
        "_before",
        "_dialect",
        "_gap",
        "_prefix",
        "_sees_all",
        "_suffix",
        "ended",
        "events",
        "failure",
        "finished",
        "partial",
        "sound_bytes",
        "tokens",
    )

    def __init__(self, endpoint: Endpoint) -> None:
        self._dialect = _DIALECTS[endpoint]
        self.partial = b""
        """What has been seen of an event that is not whole yet."""
        self._gap = b""
        self._sees_all = True
        self._prefix = self._suffix = b""
        self._before = self._after = 0
        self.events = 0
        """Content events so far: an estimate of the tokens where the engine reports none."""
        self.finished = False
        self.ended = False
        self.failure = ""
        self.sound_bytes = 0
        self.tokens = Tokens()

    @property
    def is_complete(self) -> bool:
        """Whether a client would rightly take the answer for whole."""
        return self.ended and (self.finished or not self._dialect.needs_finish)

    def feed(self, data: bytes) -> Verdict:
        """Look at one read's worth of body bytes, framing removed."""
        if self._prefix and data.startswith(self._prefix) and data.endswith(self._suffix) and not self.partial:
            start, end = self._before, len(data) - self._after
            if start <= end and data.find(b'"', start, end) < 0 and data.find(b"\n", start, end) < 0:
                self.events += 1
                return _QUIET
        carried = 0
        if self.partial:
            carried = len(self.partial)
            data = self.partial + data
        gap = self._gap or self._find_gap(data)
        if gap and data.endswith(gap):
            self.partial = b""
        else:
            end = data.rfind(gap) + len(gap) if gap else 0
            if end < len(gap) or not gap:
                return self._wait(data)
            self.partial = data[end:]
            data = data[:end]
        if not self._sees_all:
            for mark in self._dialect.marks:
                if mark in data:
                    break
            else:
                self.events += data.count(gap)
                return _QUIET
        return self._inspect(data, gap, carried)

    def _wait(self, data: bytes) -> Verdict:
        self.partial = data
        if len(data) <= MAX_EVENT_BYTES:
            return Verdict.QUIET
        self.failure = f"an event of the stream is longer than {MAX_EVENT_BYTES} bytes"
        self.sound_bytes = -1
        return Verdict.FAILURE

    def _find_gap(self, data: bytes) -> bytes:
        found = [(at, gap) for gap in (b"\n\n", b"\r\n\r\n", b"\r\r") if (at := data.find(gap)) >= 0]
        if found:
            self._gap = min(found)[1]
        return self._gap

    def _inspect(self, data: bytes, gap: bytes, carried: int) -> Verdict:
        verdict = Verdict.QUIET
        position = 0
        while position < len(data):
            at = data.find(gap, position)
            end = len(data) if at < 0 else at + len(gap)
            match self._sight(data[position:end]):
                case Sight.CONTENT:
                    self.events += 1
                    if self._sees_all:
                        self._sees_all = False
                        self._learn(data[position:end])
                    verdict = Verdict.CONTENT
                case Sight.FINISH:
                    self.finished = True
                    verdict = Verdict.CONTENT
                case Sight.END:
                    self.ended = True
                    if not self.is_complete:
                        # SDKs stop reading at the end mark: an error event behind it would not be seen.
                        self.failure = "the stream ended without a finish reason"
                        self.sound_bytes = position - carried if position >= carried else -1
                        return Verdict.FAILURE
                case Sight.FAILURE:
                    self.sound_bytes = position - carried if position >= carried else -1
                    return Verdict.FAILURE
                case Sight.NOISE:
                    pass
            position = end
        return verdict

    def _learn(self, event: bytes) -> None:
        """The content events of a stream differ in their content alone: what stands around it tells the next ones."""
        before, mark, after = event.partition(_CONTENT)
        content, quote, rest = after.partition(b'"')
        if mark and quote and b"\\" not in content and rest.endswith(self._gap):
            self._prefix, self._suffix = before + mark, quote + rest
            self._before, self._after = len(self._prefix), len(self._suffix)

    def _sight(self, text: bytes) -> Sight:
        lines = text.splitlines()
        data = b"\n".join(line[5:].lstrip(b" ") for line in lines if line.startswith(b"data:"))
        if data == b"[DONE]":
            if not self._dialect.needs_finish:
                return Sight.NOISE
            return Sight.END if self._dialect is _OPENAI else Sight.NOISE
        if not data:
            return Sight.NOISE
        try:
            event = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Sight.NOISE
        if not isinstance(event, dict):
            return Sight.NOISE
        self._count_tokens(event)
        sight = self._dialect.sight(event)
        if sight is Sight.FAILURE:
            self.failure = _describe(event)
        return sight

    def _count_tokens(self, event: Event) -> None:
        self.tokens.take(event.get("usage"))
        self.tokens.take_timings(event.get("timings"))
        for name in ("message", "response"):
            inner = event.get(name)
            if isinstance(inner, dict):
                self.tokens.take(inner.get("usage"))


def _describe(event: Event) -> str:
    error = event.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    if isinstance(message, str):
        return f"the engine sent an error: {message[:200]}"
    for choice in _objects(event.get("choices")):
        if isinstance(choice.get("finish_reason"), str):
            return f"the engine ended with finish_reason {choice['finish_reason'][:40]!r}"
    return "the engine sent an error event"


class _Choice(msgspec.Struct, gc=False):
    finish_reason: Any = None  # checked by _flaw_of


class _Sized(msgspec.Struct, gc=False):
    usage: Any = None  # checked by Tokens.take
    timings: Any = None  # checked by Tokens.take_timings


class _Answer(_Sized, gc=False):
    error: Any = None  # anything but null is one
    stop_reason: Any = None  # checked by _flaw_of
    choices: list[_Choice] | None = None


_Count = Annotated[int, msgspec.Meta(ge=0, lt=MOST_TOKENS)]
_Milliseconds = Annotated[float, msgspec.Meta(ge=0, lt=MOST_MS)]


class _UsualChoice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


class _UsualDetails(msgspec.Struct, gc=False):
    cached_tokens: _Count | None = None


class _UsualTokens(msgspec.Struct, gc=False):
    prompt_tokens: _Count
    completion_tokens: _Count
    prompt_tokens_details: _UsualDetails | None = None
    input_tokens_details: None = None
    cache_read_input_tokens: None = None


class _UsualTimings(msgspec.Struct, gc=False):
    prompt_ms: _Milliseconds | None = None
    predicted_ms: _Milliseconds | None = None


class _UsualAnswer(msgspec.Struct, gc=False):
    """What most engines answer. The decoder checks it as it reads; whatever does not fit is looked at more closely."""

    choices: list[_UsualChoice]
    usage: _UsualTokens
    timings: _UsualTimings | None = None
    error: None = None
    stop_reason: None = None


_decode_usual = msgspec.json.Decoder(_UsualAnswer).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_sizes = msgspec.json.Decoder(_Sized).decode


def read_answer(answer: bytes) -> tuple[Usage, str]:
    """What a whole answer tells: what it took, empty where it does not say or is not JSON, and its flaw.

    The flaw says why an answer with a good status is none: an error in it, or a finish that is no good one; else "".
    """
    try:
        usual = _decode_usual(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _look_closely(answer)
    for choice in usual.choices:
        if choice.finish_reason not in _FINE_FINISHES:
            return _look_closely(answer)
    usage, timings = usual.usage, usual.timings
    details = usage.prompt_tokens_details
    cached = None if details is None else details.cached_tokens
    if timings is None:
        return Usage(usage.prompt_tokens, cached, usage.completion_tokens), ""
    prefill_s = None if timings.prompt_ms is None else timings.prompt_ms / 1000
    decode_s = None if timings.predicted_ms is None else timings.predicted_ms / 1000
    return Usage(usage.prompt_tokens, cached, usage.completion_tokens, False, prefill_s, decode_s), ""


def _look_closely(answer: bytes) -> tuple[Usage, str]:
    """The same for an answer of any shape."""
    tokens = Tokens()
    flaw = ""
    try:
        fields: _Sized = _decode_answer(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            # Choices of another shape are between the client and the engine.
            fields = _decode_sizes(answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return tokens.usage(), flaw
    if isinstance(fields, _Answer):
        flaw = _flaw_of(fields)
    if fields.usage is not None:
        tokens.take(fields.usage)
    if fields.timings is not None:
        tokens.take_timings(fields.timings)
    return tokens.usage(), flaw


def _flaw_of(answer: _Answer) -> str:
    if answer.error is not None:
        return _describe({"error": answer.error})
    for choice in answer.choices or ():
        reason = choice.finish_reason
        if reason is not None and not (isinstance(reason, str) and reason in GOOD_FINISHES):
            return _describe({"choices": [{"finish_reason": reason}]})
    if isinstance(answer.stop_reason, str) and answer.stop_reason in BAD_STOPS:
        return f"the engine ended with stop_reason {answer.stop_reason!r}"
    return ""
