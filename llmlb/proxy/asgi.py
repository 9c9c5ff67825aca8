"""The data plane as a plain ASGI application: the same exchange, for requests that the protocol leaves to uvicorn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from llmlb.auth.principals import Denial
from llmlb.clock import unix_s
from llmlb.proxy import replies
from llmlb.proxy.deframe import Deframer
from llmlb.proxy.exchange import Exchange
from llmlb.proxy.plane import DataPlane
from llmlb.proxy.replies import Reply
from llmlb.proxy.template import ENDPOINTS, RequestTemplate, digest

Message = MutableMapping[str, Any]  # ASGI's own type
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = logging.getLogger(__name__)


class AsgiClient:
    """The client of an exchange, behind an ASGI server.

    buffered_bytes: kept for it before its node has to wait; the server's own buffer comes on top.
    """

    keeps_alive = True

    def __init__(self, address: str, *, buffered_bytes: int) -> None:
        self.address = address
        self._buffered_bytes = buffered_bytes
        self.is_over = False
        self.is_broken = False
        self.messages: list[Message] = []
        self.pending_bytes = 0
        self.exchange: Exchange | None = None
        self.wake = asyncio.Event()
        self._deframer = Deframer(self)

    def write(self, data: bytes) -> None:
        self._deframer.feed(data)

    def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.messages.append({"type": "http.response.start", "status": status, "headers": fields})
        self.wake.set()

    def body(self, data: bytes) -> None:
        self.messages.append({"type": "http.response.body", "body": data, "more_body": True})
        self.pending_bytes += len(data)
        if self.pending_bytes > self._buffered_bytes and self.exchange is not None:
            self.exchange.client_paused()
        self.wake.set()

    def end(self) -> None:
        self.messages.append({"type": "http.response.body", "body": b"", "more_body": False})
        self.is_over = True
        self.wake.set()

    def break_off(self) -> None:
        self.is_over = self.is_broken = True
        self.wake.set()

    def close(self) -> None:
        """The request is over. Who knows each other lets go, so that nothing waits for the garbage collector."""
        self.exchange = None
        self._deframer.close()


class DataPlaneApp:
    """Serves the data-plane paths; everything else is not its business."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        endpoint = ENDPOINTS[scope["path"].encode()]
        template = digest(endpoint, tuple(scope["headers"]))
        address: str = (scope.get("client") or ("", 0))[0]
        key = self._plane.gatekeeper.api_key(template.credential, unix_s())
        if isinstance(key, Denial):
            await self._turn_away(send, replies.denied(key), template, address)
            return
        if template.content_encoding != b"identity":
            await self._turn_away(send, replies.CONTENT_ENCODING, template, address)
            return
        body = await self._read_body(receive)
        if isinstance(body, Reply):
            await self._turn_away(send, body, template, address)
        elif body is not None:
            client = AsgiClient(address, buffered_bytes=self._plane.rules.limits.buffered_bytes // 2)
            exchange = Exchange(self._plane, client, template, key, body)
            await _run(exchange, client, receive, send)

    async def _turn_away(self, send: Send, reply: Reply, template: RequestTemplate, address: str) -> None:
        trace = self._plane.turn_away(template, address, reply)
        client = AsgiClient(address, buffered_bytes=self._plane.rules.limits.buffered_bytes // 2)
        client.write(replies.render(reply, template.endpoint, headers=trace, keep_alive=not reply.closes))
        client.end()
        if reply.closes:
            client.messages[0]["headers"].append((b"connection", b"close"))
        client.close()
        for message in client.messages:
            await send(message)

    async def _read_body(self, receive: Receive) -> bytes | Reply | None:
        """The whole body, a refusal, or None when the client went away. Too large is noticed while reading."""
        parts: list[bytes] = []
        size, limit = 0, self._plane.rules.limits.body_bytes
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > limit:
                return replies.body_too_large(limit)
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)


async def _run(exchange: Exchange, client: AsgiClient, receive: Receive, send: Send) -> None:
    """Carry the exchange's bytes to the server until it is over, or the client is gone.

    Returning without a final body message makes uvicorn close the connection uncleanly, which is what a broken
    answer needs.
    """
    gone = asyncio.ensure_future(_wait_for_disconnect(receive, client))
    client.exchange = exchange
    try:
        try:
            exchange.start()
        except Exception:  # noqa: BLE001  # not foreseen, logged whole; the client is owed an answer
            _log.exception("a request could not be handled", extra={"request_id": exchange.record.id})
            exchange.crashed()
        while True:
            messages, client.messages, client.pending_bytes = client.messages, [], 0
            for message in messages:
                await send(message)
            if not client.messages:
                if client.is_over:
                    return
                exchange.client_resumed()
                client.wake.clear()
                await client.wake.wait()
            if gone.done() and not client.is_over:
                return
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
        exchange.client_gone()
        client.close()


async def _wait_for_disconnect(receive: Receive, client: AsgiClient) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.wake.set()
