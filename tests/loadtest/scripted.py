"""A scripted OpenAI server: known delays, known faults, written for these tests only."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from llmlb.clock import perf_s

JSON_HEADERS = (("content-type", "application/json"),)


@dataclass
class Chat:
    """How one request is answered.

    ttft_s: before the first content event.  gaps_s: between content events, so there are len + 1 of them.
    raw: sent instead of everything else.  fault: what happens after the content: see ``Server._play``.
    """

    ttft_s: float = 0.0
    gaps_s: Sequence[float] = (0.0, 0.0)
    head_s: float = 0.0
    status: int = 200
    message: str = "no"
    headers: tuple[tuple[str, str], ...] = ()
    finish_reason: str = "stop"
    usage: dict[str, object] | None = field(default_factory=dict)
    fault: str = ""
    raw: bytes = b""
    text: str = "word "


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, object]
    number: int


class Server:
    """Answers with whatever ``script`` returns for a request."""

    def __init__(self, script: Callable[[Request], Chat], *, models: Sequence[str] = ("m",)) -> None:
        self.script = script
        self.models = list(models)
        self.chats: list[Request] = []
        self.others: list[Request] = []
        self.replies: dict[str, tuple[int, object]] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.truth: list[dict[str, float]] = []
        self.connections = 0
        self.hang_ups = 0
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, *, port: int = 0) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=1 << 22)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self.url

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while (request := await self._request(reader)) is not None:
                if not await self._answer(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            self.hang_ups += 1
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await writer.wait_closed()

    async def _request(self, reader: asyncio.StreamReader) -> Request | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return None
        line, *fields = head.split("\r\n")[:-2]
        method, path, _ = line.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in fields)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Request(method, path, headers, json.loads(body) if body else {}, len(self.chats))

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        if request.path.startswith("/v1/chat") or request.path == "/v1/completions":
            self.chats.append(request)
            return await self._play(self.script(request), request, writer)
        self.others.append(request)
        key = f"{request.method} {request.path.partition('?')[0]}"
        if request.path == "/truth":
            writer.write(whole(200, json.dumps(self.truth).encode()))
            return True
        models: object = {"object": "list", "data": [{"id": name} for name in self.models]}
        status, value = self.replies.get(key, (200, models) if key == "GET /v1/models" else (404, {}))
        writer.write(whole(status, json.dumps(value).encode() if value is not None else b""))
        await writer.drain()
        return True

    async def _play(self, chat: Chat, request: Request, writer: asyncio.StreamWriter) -> bool:
        await self._pause(chat.head_s)
        if chat.fault == "hang":
            await asyncio.Event().wait()
        if chat.fault == "close_before_head":
            return False
        if chat.raw:
            writer.write(chat.raw)
            await writer.drain()
            return False
        if chat.status != 200:
            error = {"error": {"message": chat.message, "type": "x", "code": "x"}}
            writer.write(whole(chat.status, json.dumps(error).encode(), chat.headers))
            return True
        if not request.body.get("stream"):
            await self._pause(chat.ttft_s)
            writer.write(whole(200, json.dumps(complete(chat)).encode(), chat.headers))
            return True
        return await self._stream(chat, request, writer)

    async def _stream(self, chat: Chat, request: Request, writer: asyncio.StreamWriter) -> bool:
        fields = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"), *chat.headers)
        writer.write(head(200, fields))
        writer.write(chunk(b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'))
        at_s = [perf_s()]
        await self._pause(chat.ttft_s)
        async for event in self._events(chat):
            at_s.append(perf_s())
            writer.write(chunk(b"data: " + event + b"\n\n"))
            await writer.drain()
        if len(at_s) > 2:
            tpot_s = (at_s[-1] - at_s[1]) / (len(at_s) - 2)
            self.truth.append({"ttft_s": at_s[1] - at_s[0], "tpot_s": tpot_s, "all_s": at_s[-1] - at_s[0]})
        match chat.fault:
            case "stall":
                for _ in range(1000):
                    writer.write(chunk(b": still here\n\n"))
                    await asyncio.sleep(0.02)
            case "close_mid_stream":
                return False
            case "reset_mid_stream":
                return False
            case "error_event":
                writer.write(chunk(b'data: {"error":{"message":"node lost","code":"node_lost"}}\n\n'))
                await writer.drain()
                return False
            case "bad_json":
                writer.write(chunk(b'data: {"choices":[{"delta":\n\n'))
            case "bad_line":
                writer.write(chunk(b"<html>not an event</html>\n\n"))
        writer.write(b"".join(self._tail(chat)))
        await writer.drain()
        return True

    async def _events(self, chat: Chat) -> AsyncIterator[bytes]:
        delta = json.dumps({"choices": [{"index": 0, "delta": {"content": chat.text}, "finish_reason": None}]})
        if chat.fault == "empty":
            return
        yield delta.encode()
        for gap_s in chat.gaps_s:
            await self._pause(gap_s)
            yield delta.encode()

    def _tail(self, chat: Chat) -> list[bytes]:
        parts: list[dict[str, object]] = []
        if chat.finish_reason:
            parts.append({"choices": [{"index": 0, "delta": {}, "finish_reason": chat.finish_reason}]})
        if chat.usage is not None:
            parts.append({"choices": [], "usage": usage(chat)})
        events = [b"data: " + json.dumps(part).encode() for part in parts]
        if chat.fault != "no_done":
            events.append(b"data: [DONE]")
        return [*(chunk(event + b"\n\n") for event in events), b"0\r\n\r\n"]

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds)
        await self.open.wait()


def usage(chat: Chat) -> dict[str, object]:
    tokens = 0 if chat.fault == "empty" else len(chat.gaps_s) + 1
    return {"prompt_tokens": 10, "completion_tokens": tokens, **(chat.usage or {})}


def complete(chat: Chat) -> dict[str, object]:
    message = {"role": "assistant", "content": chat.text}
    value: dict[str, object] = {"choices": [{"message": message, "finish_reason": chat.finish_reason}]}
    return value if chat.usage is None else {**value, "usage": usage(chat)}


def head(status: int, fields: Sequence[tuple[str, str]]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode()


def whole(status: int, body: bytes, fields: Sequence[tuple[str, str]] = ()) -> bytes:
    return head(status, (*JSON_HEADERS, ("content-length", str(len(body))), *fields)) + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@contextlib.asynccontextmanager
async def serving(script: Callable[[Request], Chat] | Chat, *, models: Sequence[str] = ("m",)) -> AsyncIterator[Server]:
    """A running server; a single Chat answers every request alike."""
    server = Server(script if callable(script) else lambda request: script, models=models)
    await server.start()
    try:
        yield server
    finally:
        await server.close()
