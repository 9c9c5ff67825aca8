"""A client that judges what it got: a whole answer, a failure that shows, or one that would deceive its user.

An answer of the ``byte_node`` says ``w0 w1 w2 ...``, so a missing or repeated piece of text shows.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

from fakes.byte_node import text_of

ANSWERED, FAILED, CANCELLED, LOST = "answered", "failed", "cancelled", "lost"
"""failed: visibly, by status or a broken end.  lost: a silent truncation, wrong text, or no end at all."""


@dataclass
class Answer:
    """What came back. clean: it ended as its framing says.  error: our own word, or the code in an error's body."""

    ending: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    clean: bool = False
    error: str = ""
    body: bytes = b""
    seconds: float = 0.0
    closed_at_s: float = 0.0
    """When a cancelling client closed, in monotonic seconds."""

    @property
    def node(self) -> str:
        return self.headers.get("x-llmlb-node", "")


class Asker:
    """Sends chats to one address. chunked: with a chunked body, which the router serves on its ASGI path."""

    def __init__(self, port: int, key: str, model: str, *, chunked: bool = False, timeout_s: float = 15.0) -> None:
        self.port = port
        self.key = key
        self.model = model
        self.chunked = chunked
        self.timeout_s = timeout_s

    def request(self, *, stream: bool, words: int, play: object, extra: dict[str, Any]) -> bytes:
        body: dict[str, Any] = {"model": self.model, "messages": [{"role": "user", "content": "Hello"}]}
        body |= {"stream": stream, "max_tokens": words, **extra}
        if play is not None:
            body["play"] = play
        return self.framed(json.dumps(body).encode())

    def framed(self, payload: bytes, *, path: str = "/v1/chat/completions") -> bytes:
        framing = "Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {len(payload)}"
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {self.key}\r\n{framing}\r\n\r\n"
        return head.encode() + (b"%x\r\n%b\r\n0\r\n\r\n" % (len(payload), payload) if self.chunked else payload)

    async def ask(
        self,
        *,
        stream: bool = False,
        words: int = 8,
        play: object = None,
        abort_after_s: float | None = None,
        abort_after_words: int | None = None,
        **extra: Any,
    ) -> Answer:
        """One request on a connection of its own. abort_*: close it then, whatever is going on."""
        started_s = time.monotonic()
        heard = _Reading(stream=stream, words=words, abort_after_words=abort_after_words)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            return Answer(FAILED, error=str(error))
        try:
            writer.write(self.request(stream=stream, words=words, play=play, extra=extra))
            async with asyncio.timeout(self.timeout_s if abort_after_s is None else abort_after_s):
                await heard.read(reader)
        except TimeoutError:
            heard.aborted = abort_after_s is not None
        except ConnectionError as error:
            heard.broken(str(error))
        finally:
            writer.transport.abort()
        answer = heard.judged()
        answer.closed_at_s = time.monotonic()
        answer.seconds = answer.closed_at_s - started_s
        return answer

    async def raw(self, data: bytes, *, timeout_s: float = 3.0) -> bytes:
        """Send bytes, and return all that comes back until the other side closes or nothing more comes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        received = bytearray()
        try:
            writer.write(data)
            async with asyncio.timeout(timeout_s):
                while piece := await reader.read(65536):
                    received += piece
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.transport.abort()
        return bytes(received)


class _Reading:
    """One answer as it is read."""

    def __init__(self, *, stream: bool, words: int, abort_after_words: int | None) -> None:
        self.answer = Answer(LOST)
        self.aborted = False
        self._stream = stream
        self._words = words
        self._abort_after_words = abort_after_words
        self._body = bytearray()
        self._seen = 0
        self._is_done = False
        self._is_over = False

    async def read(self, reader: asyncio.StreamReader) -> None:
        answer = self.answer
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            self._is_over = True
            return
        lines = head.decode("latin-1").split("\r\n")
        answer.status = int(lines[0].split(" ")[1])
        pairs = (line.partition(":") for line in lines[1:-2])
        answer.headers = {name.lower(): value.strip() for name, _, value in pairs}
        try:
            if answer.headers.get("transfer-encoding") == "chunked":
                await self._read_chunks(reader)
            else:
                length = int(answer.headers.get("content-length", "0"))
                while len(self._body) < length and (piece := await reader.read(65536)):
                    self._body += piece
                answer.clean = len(self._body) == length
        except (asyncio.IncompleteReadError, ConnectionError):
            answer.clean = False
        self._is_over = not self.aborted

    def broken(self, error: str) -> None:
        self.answer.error = error
        self._is_over = True

    async def _read_chunks(self, reader: asyncio.StreamReader) -> None:
        while True:
            size = int(await reader.readuntil(b"\r\n"), 16)
            self._body += (await reader.readexactly(size + 2))[:-2]
            if size == 0:
                self.answer.clean = True
                return
            self._take_events()
            if self._abort_after_words is not None and self.answer.text.count(" ") >= self._abort_after_words:
                self.aborted = True
                return

    def _take_events(self) -> None:
        end = self._body.rfind(b"\n\n")
        if not self._stream or end < self._seen:
            return
        block, self._seen = bytes(self._body[self._seen : end]), end + 2
        for event in block.split(b"\n\n"):
            for line in event.split(b"\n"):
                if line.startswith(b"data: "):
                    self._take(line[6:])

    def _take(self, data: bytes) -> None:
        if data == b"[DONE]":
            self._is_done = True
            return
        event = json.loads(data)
        if "error" in event:
            self.answer.error = event["error"].get("code") or event["error"].get("type", "error")
        for choice in event.get("choices", []):
            self.answer.text += choice["delta"].get("content", "")

    def judged(self) -> Answer:
        answer = self.answer
        answer.body = bytes(self._body)
        if self.aborted and not self._is_over:
            answer.ending = CANCELLED
            return answer
        if not self._is_over:
            answer.error = "nothing came in time"
            return answer
        wanted = text_of(self._words)
        if answer.status != 200 or not answer.clean:
            is_prefix = not self._stream or wanted.startswith(answer.text)
            answer.ending = FAILED if is_prefix else LOST
            answer.error = answer.error or _error_code(answer.body)
        elif self._stream:
            answer.ending = ANSWERED if self._is_done and answer.text == wanted else LOST
        else:
            answer.ending = ANSWERED if _content(answer.body) == wanted else LOST
        return answer


def _content(body: bytes) -> str | None:
    try:
        content: str = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError):
        return None
    return content


def _error_code(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["code"])
    except (ValueError, LookupError, TypeError):
        return ""


async def many(ask: Callable[[int], Awaitable[Answer]], count: int, *, at_once: int) -> list[Answer]:
    """Ask so often, with so many clients."""
    numbers = iter(range(count))
    answers: list[Answer] = []

    async def client() -> None:
        for number in numbers:
            answers.append(await ask(number))

    await asyncio.gather(*(client() for _ in range(at_once)))
    return answers


async def during(
    asker: Asker, clients: int, seconds: float, events: list[tuple[float, Callable[[], None]]], **what: Any
) -> list[Answer]:
    """Keep so many clients asking. events: what happens meanwhile, an instant and a short act each."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    answers: list[Answer] = []

    async def client() -> None:
        while loop.time() < started_s + seconds:
            answers.append(await asker.ask(**what))

    async def fate() -> None:
        for at_s, act in events:
            await asyncio.sleep(max(0.0, started_s + at_s - loop.time()))
            act()

    await asyncio.gather(fate(), *(client() for _ in range(clients)))
    return answers


def percentile_s(answers: list[Answer], percent: int) -> float:
    """Of the whole durations."""
    return quantiles([answer.seconds for answer in answers], n=100, method="inclusive")[percent - 1]
