"""A small HTTP server that answers GETs like one engine, over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx

T = TypeVar("T")

Page = object
"""Text or bytes as they are, (status, page), anything else as JSON. A path without a page answers 404."""


class EngineServer:
    """url: where it listens.  seen: the request lines and the Authorization of each request."""

    def __init__(self, pages: Mapping[str, Page], *, missing: Page = (404, "not found")) -> None:
        self.pages = dict(pages)
        self.missing = missing
        self.seen: list[tuple[str, str]] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                path = lines[0].split()[1]
                self.seen.append((path, fields.get("authorization", "")))
                writer.write(_response(self.pages.get(path, self.missing)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _response(page: Page) -> bytes:
    status, content = page if isinstance(page, tuple) else (200, page)
    if isinstance(content, bytes):
        body = content
    else:
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def serving(server: EngineServer) -> AsyncIterator[EngineServer]:
    listener = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()


def asked(server: EngineServer, question: Callable[[httpx.AsyncClient, str], Awaitable[T]]) -> T:
    """Start the server, put the question to it with a client of its own, and stop it."""

    async def run() -> T:
        async with serving(server), httpx.AsyncClient(trust_env=False) as http:
            return await question(http, server.url)

    return asyncio.run(run())
