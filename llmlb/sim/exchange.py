"""One inference request from its body to the last byte of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from llmlb.sim.answers import Answer, Finish
from llmlb.sim.connection import Connection, Header
from llmlb.sim.dialects import dialect_for
from llmlb.sim.dialects.dialect import Usage
from llmlb.sim.dialects.embeddings import embeddings_body
from llmlb.sim.dialects.events import error_object
from llmlb.sim.engine import Engine, Job
from llmlb.sim.journal import Ending, RequestRecord
from llmlb.sim.order import Api, Order, Refusal

_NOTHING = Answer(start=0, length=0, finish=Finish.STOP)


@dataclass(frozen=True, slots=True)
class Ask:
    """An understood request and where its answer goes."""

    order: Order
    connection: Connection
    record: RequestRecord
    engine: Engine


class Exchange:
    """Runs one order on the engine and writes the answer as it comes. Listens to its job."""

    def __init__(self, ask: Ask) -> None:
        self.order = ask.order
        self.connection = ask.connection
        self.record = ask.record
        self.engine = ask.engine
        self._began_at_s = asyncio.get_running_loop().time()
        self._job: Job | None = None
        self._pieces: list[str] = []
        self._is_open = False
        self._is_over = False
        if self.order.api is not Api.EMBEDDINGS:
            self._dialect = dialect_for(self.order, self.record.id, int(self.record.received_at_s))

    @property
    def is_writable(self) -> bool:
        return self.connection.is_writable

    @property
    def events(self) -> int:
        """Content events so far."""
        return len(self._pieces)

    def start(self) -> None:
        """Hands the order to the engine."""
        order = self.order
        if order.api is Api.EMBEDDINGS:
            answer = _NOTHING
        else:
            answer = self.engine.book.plan(order.prompt, max_tokens=order.max_tokens, ignores_end=order.ignores_end)
        if order.is_stream and self.engine.settings.early_head:
            self.connection.open_stream()
            self._is_open = True
        self._job = self.engine.submit(self, model=order.model, prompt=order.prompt, answer=answer)

    def on_tokens(self, tokens: Sequence[str]) -> None:
        if self.record.first_token_ms is None:
            self.record.first_token_ms = self._elapsed_ms()
        self._pieces += tokens
        if self.order.is_stream:
            self._stream(tokens)

    def on_end(self, finish: Finish) -> None:
        self.complete(finish, ending=Ending.COMPLETED)

    def abandon(self) -> None:
        self.stop()
        self.conclude(Ending.ABORTED)

    def resume(self) -> None:
        if self._job is not None:
            self.engine.resume(self._job)

    def complete(self, finish: Finish, *, ending: Ending) -> None:
        """Writes the regular end of the answer."""
        self.record.status = 200
        if self.order.is_stream:
            self.open()
            self.connection.end_stream(self._dialect.closing(self._text(), finish, self._usage()))
        else:
            self.connection.send(200, self.whole(finish))
        self.conclude(ending)
        self.connection.finish()

    def refuse(self, refusal: Refusal, *, ending: Ending, headers: Sequence[Header] = ()) -> None:
        """Writes an error answer."""
        self.record.status = refusal.status
        send_refusal(self.connection, refusal, headers=headers)
        self.conclude(ending)
        self.connection.finish()

    def open(self) -> None:
        """Writes the head and the opening events of a stream, unless they are out."""
        self._stream(())

    def whole(self, finish: Finish) -> bytes:
        """The body of an answer in one piece."""
        if self.order.api is Api.EMBEDDINGS:
            return embeddings_body(self.order, self.engine.settings.embedding_dimensions)
        return self._dialect.whole(self._text(), finish, self._usage())

    def error_event(self, message: str) -> bytes:
        return self._dialect.error_event(message)

    def stop(self) -> None:
        """Takes the job off the engine."""
        if self._job is not None:
            self.engine.cancel(self._job)

    def conclude(self, ending: Ending) -> None:
        """Fills in the record, once."""
        if self._is_over:
            return
        self._is_over = True
        self.record.outcome = ending
        self.record.total_ms = self._elapsed_ms()
        self.record.completion_tokens = len(self._pieces)
        if self._job is not None:
            self.record.prompt_tokens = self._job.prompt_tokens
            self.record.cached_tokens = self._job.cached_tokens

    def _stream(self, tokens: Sequence[str]) -> None:
        opening = b""
        if self.record.status == 0:
            self.record.status = 200
            opening = self._dialect.opening(self._job.prompt_tokens if self._job is not None else 0)
        events = opening + b"".join([self._dialect.token(text) for text in tokens])
        if self._is_open:
            self.connection.stream(events)
        else:
            self._is_open = True
            self.connection.open_stream(events)

    def _text(self) -> str:
        return "".join(self._pieces)

    def _usage(self) -> Usage:
        job = self._job
        if job is None:
            return Usage(prompt_tokens=0, cached_tokens=0, completion_tokens=0, prompt_ms=0, predicted_ms=0)
        now_s = asyncio.get_running_loop().time()
        return Usage(
            prompt_tokens=job.prompt_tokens,
            cached_tokens=job.cached_tokens,
            completion_tokens=len(self._pieces),
            prompt_ms=(job.first_token_at_s - job.started_at_s) * 1000,
            predicted_ms=(now_s - job.first_token_at_s) * 1000,
        )

    def _elapsed_ms(self) -> float:
        return round((asyncio.get_running_loop().time() - self._began_at_s) * 1000, 3)


def send_refusal(connection: Connection, refusal: Refusal, *, headers: Sequence[Header] = ()) -> None:
    """Writes an error answer in OpenAI's shape."""
    kind = "invalid_request_error" if refusal.status < 500 else "internal_error"
    body = error_object(refusal.message, kind, refusal.code, param=refusal.param)
    connection.send(refusal.status, msgspec.json.encode(body), headers=headers)
