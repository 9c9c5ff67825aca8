"""A node that answers every request with scripted bytes and keeps a log of what it received."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Literal

CLOSE: Literal["close"] = "close"
RESET: Literal["reset"] = "reset"
WAIT: Literal["wait"] = "wait"

Step = bytes | Literal["close", "reset", "wait"]
"""Bytes to send; close the connection, reset it, or wait until the test says go."""

Script = Callable[[int], list[Step]]
"""What to do for the n-th request, counted from 0."""


def answer(body: bytes, *, status: str = "200 OK", kind: str = "application/json", extra: str = "") -> bytes:
    """A response with Content-Length."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{extra}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(data: str) -> bytes:
    return chunk(f"data: {data}\n\n".encode())


def word(text: str) -> bytes:
    """One chat event with content."""
    return event(f'{{"choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}')


ROLE = event('{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}')
FINISH = event('{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')
USAGE = event('{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}')
DONE = event("[DONE]")


def stream(*words: str) -> bytes:
    """A whole chat stream."""
    return STREAM_HEAD + ROLE + b"".join(word(text) for text in words) + FINISH + USAGE + DONE + END


class ScriptedNode:
    """Listens on a free port of 127.0.0.1. ``requests`` holds each request's bytes as received."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.aborted = 0
        self.connections = 0
        self.go = asyncio.Event()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> ScriptedNode:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await asyncio.sleep(0)
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.aborted += 1
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        body = await reader.readexactly(length)
        self.requests.append(head + body)
        for step in self.script(len(self.requests) - 1):
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif step == "wait":
                waiting = asyncio.ensure_future(self.go.wait())
                gone = asyncio.ensure_future(reader.read(1))
                await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if gone.done():
                    self.aborted += 1
                    return False
                gone.cancel()
            elif step == "reset":
                writer.transport.abort()
                return False
            else:
                writer.close()
                return False
        return True
