"""The typed client's HTTP side over a real socket."""

from __future__ import annotations

import asyncio
import socket

import pytest
from client.http_server import Said, json_said, refused_url, serving

from llmlb.client.connection import RouterConnection
from llmlb.errors import RouterRefused, RouterUnreachable


def requested(url: str, *, timeout_s: float = 5.0) -> object:
    async def run() -> object:
        connection = RouterConnection(url, timeout_s=timeout_s)
        try:
            return await connection.request("GET", "/v0/nodes", token="t")
        finally:
            await connection.close()

    return asyncio.run(run())


def test_a_prefix_of_a_reverse_proxy_is_kept() -> None:
    with serving(json_said([])) as server:
        requested(server.url + "/llm/")
    assert server.asked[0].target == "/llm/v0/nodes"


def test_a_router_that_is_down_is_unreachable_with_the_reason() -> None:
    with pytest.raises(RouterUnreachable, match="connection refused"):
        requested(refused_url())


def test_a_router_that_does_not_answer_is_given_up() -> None:
    silence = pytest.raises(RouterUnreachable, match=r"no answer within 0\.05 s")
    with socket.create_server(("127.0.0.1", 0)) as mute, silence:
        requested(f"http://127.0.0.1:{mute.getsockname()[1]}", timeout_s=0.05)


def test_an_answer_that_breaks_off_is_unreachable() -> None:
    with serving(Said(200, (b"[",), cut=True)) as server, pytest.raises(RouterUnreachable):
        requested(server.url)


def test_a_redirect_does_not_carry_the_credential_away() -> None:
    with serving() as thief:
        redirect = Said(307, (), {"Location": thief.url})
        with serving(redirect) as server, pytest.raises(RouterRefused, match="redirects"):
            requested(server.url)
        assert thief.asked == []


def test_a_proxy_variable_does_not_carry_the_credential_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as thief, serving(json_said([])) as server:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, thief.url)
        requested(server.url)
        assert thief.asked == []


def test_connections_are_reused_and_closed() -> None:
    async def run(url: str) -> None:
        connection = RouterConnection(url, timeout_s=5.0)
        for _ in range(3):
            await connection.request("GET", "/x", token=None)
        await connection.close()

    with serving(json_said([])) as server:
        asyncio.run(run(server.url))
        assert len(server.asked) == 3


def test_a_feed_that_falls_silent_is_unreachable_after_the_longest_silence() -> None:
    async def run(url: str) -> list[bytes]:
        connection = RouterConnection(url, timeout_s=5.0)
        received = []
        try:
            feed = connection.stream("/v0/events", token=None, headers={}, idle_timeout_s=0.05)
            async with feed as chunks:
                async for chunk in chunks:
                    received.append(chunk)
        finally:
            await connection.close()
        return received

    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n: x\r\n")
        await reader.read()
        writer.close()
        gone.set()

    async def together() -> None:
        listener = await asyncio.start_server(silent, "127.0.0.1", 0)
        try:
            await run(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
        finally:
            await gone.wait()
            listener.close()
            await listener.wait_closed()

    with pytest.raises(RouterUnreachable, match=r"no answer within 0\.05 s"):
        asyncio.run(together())
