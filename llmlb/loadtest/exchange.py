"""One request in flight: takes its bytes as they arrive and knows how it ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from llmlb.loadtest.answer import AnswerBroken, Reading, Refusal, StreamedAnswer, WholeAnswer
from llmlb.loadtest.taxonomy import FINISHED, Ending
from llmlb.loadtest.text import plain


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the answer shall look like.

    streamed: an event stream.  keeps_text: the answer's text is needed for the next turn.  hangs_up: the
    client goes away after the first content event.  max_tokens: the limit that was asked for, 0 for none.
    checks_usage: missing or contradicting ``usage`` figures are a failure.
    """

    streamed: bool = True
    keeps_text: bool = False
    hangs_up: bool = False
    max_tokens: int = 0
    checks_usage: bool = False


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long each part of a request may take, in seconds.

    stall_s: between two data events; comments do not count, so a node that only keeps alive is found out.
    """

    connect_s: float = 5.0
    first_token_s: float = 120.0
    stall_s: float = 60.0
    total_s: float = 600.0


class Exchange:
    """The receiver of one response. Instants are ``clock.perf_ns`` readings, 0 for not yet."""

    __slots__ = (
        "_answer", "_expected", "detail", "done", "ended_at_ns", "ending", "head_at_ns", "headers", "reading",
        "sent_at_ns", "status", "was_lost_before_head",
    )  # fmt: skip

    def __init__(self, expected: Expectation, done: asyncio.Future[None]) -> None:
        self._expected = expected
        self._answer: StreamedAnswer | WholeAnswer | Refusal | None = None
        self.done = done
        self.reading = Reading()
        self.ending = Ending.CLIENT_ERROR
        self.detail = ""
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.sent_at_ns = 0
        self.head_at_ns = 0
        self.ended_at_ns = 0
        self.was_lost_before_head = False

    @property
    def is_over(self) -> bool:
        return self.ended_at_ns != 0

    def head(self, status: int, headers: dict[bytes, bytes], *, now_ns: int) -> None:
        self.status = status
        self.headers = headers
        self.head_at_ns = now_ns
        keeps_text = self._expected.keeps_text
        if status != 200:
            self._answer = Refusal(status)
        elif not self._expected.streamed:
            self._answer = WholeAnswer(self.reading, keeps_text=keeps_text)
        elif headers.get(b"content-type", b"").lower().startswith(b"text/event-stream"):
            self._answer = StreamedAnswer(self.reading, keeps_text=keeps_text)
        else:
            kind = headers.get(b"content-type", b"nothing").decode("latin-1")
            self.fail(Ending.BAD_SSE, f"content-type is {plain(kind, limit=60)}", now_ns=now_ns)

    def body(self, data: bytes, *, now_ns: int) -> None:
        if self._answer is None or self.ended_at_ns:
            return
        try:
            self._answer.feed(data, now_ns=now_ns)
        except AnswerBroken as broken:
            self.fail(broken.ending, broken.detail, now_ns=now_ns)
            return
        if self._expected.hangs_up and self.reading.content_at_ns:
            self.fail(Ending.CLIENT_CANCELLED, "hung up after the first token, as asked", now_ns=now_ns)

    def complete(self, *, now_ns: int) -> None:
        if self._answer is None or self.ended_at_ns:
            return
        try:
            ending, detail = self._answer.finish(now_ns=now_ns)
        except AnswerBroken as broken:
            ending, detail = broken.ending, broken.detail
        if ending.is_ok and self._expected.checks_usage:
            fault = self.reading.usage_fault(max_tokens=self._expected.max_tokens)
            ending, detail = (Ending.WRONG_USAGE, f"usage: {fault}") if fault else (ending, detail)
        self._end(ending, detail, now_ns=now_ns)

    def fail(self, ending: Ending, detail: str, *, now_ns: int) -> None:
        self._end(ending, detail, now_ns=now_ns)

    def lost(self, detail: str, *, now_ns: int) -> None:
        self.was_lost_before_head = not self.head_at_ns
        finish_reason = self.reading.finish_reason
        if finish_reason and finish_reason not in FINISHED:
            ending, detail = Ending.FINISH_ABORT, f"finish_reason {plain(finish_reason, limit=40)}"
        else:
            ending = Ending.TRUNCATED
        self._end(ending, detail, now_ns=now_ns)

    def check(self, deadlines: Deadlines, *, now_ns: int) -> None:
        """Ends the request if one of its deadlines has passed."""
        if not self.sent_at_ns or self.ended_at_ns:
            return
        if now_ns - self.sent_at_ns > deadlines.total_s * 1e9:
            self.fail(Ending.TOTAL_TIMEOUT, f"not finished within {deadlines.total_s:g} s", now_ns=now_ns)
        elif not self._expected.streamed:
            return
        elif not self.reading.content_at_ns:
            if now_ns - self.sent_at_ns > deadlines.first_token_s * 1e9:
                detail = f"no token within {deadlines.first_token_s:g} s"
                self.fail(Ending.FIRST_TOKEN_TIMEOUT, detail, now_ns=now_ns)
        elif now_ns - self.reading.last_data_at_ns > deadlines.stall_s * 1e9:
            self.fail(Ending.STALL, f"no data for {deadlines.stall_s:g} s", now_ns=now_ns)

    def _end(self, ending: Ending, detail: str, *, now_ns: int) -> None:
        if self.ended_at_ns:
            return
        self.ending = ending
        self.detail = detail
        self.ended_at_ns = now_ns
        if self.reading.content_at_ns:
            self.reading.events = len(self.reading.content_at_ns)
        if not self.done.done():
            self.done.set_result(None)
