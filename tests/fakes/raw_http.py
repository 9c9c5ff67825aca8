"""A client that sends bytes and shows the bytes that come back: for what HTTP libraries would hide."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


def raw_post(path: str, body: object, *, headers: str = "") -> bytes:
    """A POST request as bytes. headers: whole lines, each ended by CRLF."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(payload)}\r\n{headers}\r\n"
    return head.encode() + payload


class RawClient:
    """One TCP connection; an async context manager that resets nothing and closes at the end."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes at once, in the way a client that goes away does."""
        self.writer.transport.abort()
        try:
            await self.writer.wait_closed()
        except OSError:
            return

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def read_until(self, marker: bytes) -> bytes:
        """Bytes up to and including the marker. Raises IncompleteReadError at an earlier end."""
        return await self.reader.readuntil(marker)

    async def read_answer(self) -> tuple[bytes, bytes]:
        """Head and body of one answer with a Content-Length."""
        head = await self.read_until(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return head, await self.reader.readexactly(int(lengths[0].split(b":")[1]))

    async def read_to_end(self) -> tuple[bytes, bool]:
        """Everything up to the end, and whether the end was a reset."""
        received = bytearray()
        while True:
            try:
                piece = await self.reader.read(65536)
            except ConnectionResetError:
                return bytes(received), True
            if not piece:
                return bytes(received), False
            received += piece
