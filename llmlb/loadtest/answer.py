"""Reads the body of a response: a stream of events, a whole answer, or a refusal."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from llmlb.loadtest.deltas import Delta, decode, is_plain_content
from llmlb.loadtest.sse import BadStream, EventReader
from llmlb.loadtest.taxonomy import FINISHED, Ending, ending_of_finish, ending_of_status
from llmlb.loadtest.text import plain

MAX_REFUSAL_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 32 << 20


class AnswerBroken(Exception):
    """The answer cannot be what was asked for; the request is over."""

    def __init__(self, ending: Ending, detail: str) -> None:
        super().__init__(detail)
        self.ending = ending
        self.detail = detail


@dataclass(slots=True)
class Reading:
    """What has been read of an answer so far. Instants are ``clock.perf_ns`` readings, 0 for not yet."""

    content_at_ns: array[int] = field(default_factory=lambda: array("q"))
    first_answer_at_ns: int = 0
    last_data_at_ns: int = 0
    events: int = 0
    finish_reason: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    text_parts: list[str] = field(default_factory=list)
    content_payloads: list[bytes] = field(default_factory=list)

    def note(self, delta: Delta) -> None:
        """Keeps what only the first and last events tell."""
        self.finish_reason = delta.finish_reason or self.finish_reason
        if delta.prompt_tokens is not None:
            self.prompt_tokens = delta.prompt_tokens
        if delta.completion_tokens is not None:
            self.completion_tokens = delta.completion_tokens
        if delta.cached_tokens is not None:
            self.cached_tokens = delta.cached_tokens

    def text(self) -> str:
        """The answer's text, as far as it was kept."""
        return "".join(self.text_parts) + "".join(decode(payload).text for payload in self.content_payloads)

    def usage_fault(self, *, max_tokens: int) -> str:
        """What is wrong with the usage figures; empty when they can be right."""
        if self.completion_tokens is None:
            return "it is missing"
        if self.completion_tokens < self.events:
            return "it tells fewer tokens than content events came"
        if max_tokens and self.completion_tokens > max_tokens:
            return "it tells more tokens than were asked for"
        return ""


class StreamedAnswer:
    """An event stream; decodes only the first and last events, the others are counted from their bytes."""

    __slots__ = ("_done_seen", "_events", "_keeps_text", "_reading")

    def __init__(self, reading: Reading, *, keeps_text: bool) -> None:
        self._reading = reading
        self._events = EventReader()
        self._keeps_text = keeps_text
        self._done_seen = False

    def feed(self, data: bytes, *, now_ns: int) -> None:
        """Raises AnswerBroken."""
        reading = self._reading
        try:
            payloads = self._events.feed(data)
        except BadStream as error:
            raise AnswerBroken(Ending.BAD_SSE, str(error)) from None
        if payloads:
            reading.last_data_at_ns = now_ns
        for payload in payloads:
            if reading.first_answer_at_ns and is_plain_content(payload):
                reading.content_at_ns.append(now_ns)
                if self._keeps_text:
                    reading.content_payloads.append(payload)
            else:
                self._read(payload, now_ns=now_ns)

    def finish(self, *, now_ns: int) -> tuple[Ending, str]:
        """The ending of a stream that was closed properly. Raises AnswerBroken."""
        try:
            last = self._events.drain()
        except BadStream as error:
            raise AnswerBroken(Ending.BAD_SSE, str(error)) from None
        for payload in last:
            self._read(payload, now_ns=now_ns)
        reading = self._reading
        reading.events = len(reading.content_at_ns)
        if reading.finish_reason and reading.finish_reason not in FINISHED:
            return Ending.FINISH_ABORT, f"finish_reason {plain(reading.finish_reason, limit=40)}"
        if not self._done_seen:
            return Ending.TRUNCATED, "the stream ended without [DONE]"
        ending = ending_of_finish(reading.finish_reason, events=reading.events)
        return ending, "" if ending.is_ok else "the stream ended without a finish reason"

    def _read(self, payload: bytes, *, now_ns: int) -> None:
        if payload.strip() == b"[DONE]":
            self._done_seen = True
            return
        try:
            delta = decode(payload)
        except ValueError as error:
            raise AnswerBroken(Ending.BAD_JSON, f"an event is not JSON: {plain(str(error))}") from None
        if delta.error:
            raise AnswerBroken(Ending.STREAM_ERROR_EVENT, plain(delta.error))
        self._reading.note(delta)
        if not delta.has_content:
            return
        self._reading.content_at_ns.append(now_ns)
        if not self._reading.first_answer_at_ns and (delta.text or delta.tool_calls):
            self._reading.first_answer_at_ns = now_ns
        if self._keeps_text:
            self._reading.content_payloads.append(payload)


class WholeAnswer:
    """An answer that comes as one JSON object."""

    __slots__ = ("_bytes", "_keeps_text", "_parts", "_reading")

    def __init__(self, reading: Reading, *, keeps_text: bool) -> None:
        self._reading = reading
        self._keeps_text = keeps_text
        self._parts: list[bytes] = []
        self._bytes = 0

    def feed(self, data: bytes, *, now_ns: int) -> None:
        """Raises AnswerBroken."""
        self._bytes += len(data)
        self._reading.last_data_at_ns = now_ns
        if self._bytes > MAX_ANSWER_BYTES:
            raise AnswerBroken(Ending.BAD_JSON, "the answer is larger than 32 MiB")
        self._parts.append(data)

    def finish(self, *, now_ns: int) -> tuple[Ending, str]:
        """The ending of a complete answer. Raises AnswerBroken."""
        try:
            delta = decode(b"".join(self._parts))
        except ValueError as error:
            raise AnswerBroken(Ending.BAD_JSON, f"the answer is not JSON: {plain(str(error))}") from None
        if delta.error:
            raise AnswerBroken(Ending.STREAM_ERROR_EVENT, plain(delta.error))
        self._reading.note(delta)
        self._reading.events = int(delta.has_content)
        if self._keeps_text:
            self._reading.text_parts.append(delta.text)
        ending = ending_of_finish(delta.finish_reason, events=self._reading.events)
        if ending.is_ok:
            return ending, ""
        return ending, f"finish_reason {plain(delta.finish_reason, limit=40) or 'missing'}"


class Refusal:
    """The body of a response that is not 200: its message says what to do next."""

    __slots__ = ("_bytes", "_parts", "_status")

    def __init__(self, status: int) -> None:
        self._status = status
        self._parts: list[bytes] = []
        self._bytes = 0

    def feed(self, data: bytes, *, now_ns: int) -> None:
        if self._bytes < MAX_REFUSAL_BYTES:
            self._parts.append(data)
            self._bytes += len(data)

    def finish(self, *, now_ns: int) -> tuple[Ending, str]:
        body = b"".join(self._parts)[:MAX_REFUSAL_BYTES]
        try:
            message = decode(body).error
        except ValueError:
            message = body.decode("utf-8", "replace")
        return ending_of_status(self._status), plain(f"HTTP {self._status}: {message}".rstrip(": "))
