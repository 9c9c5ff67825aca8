"""Hygiene on real connections: what is refused, what is timed out, and what a node never gets to see."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from fakes.node import ScriptedNode, answer
from fakes.plane import KEY, TIMEOUTS, chat_body, read_response, request, run, running_plane

from llmlb.config.settings import LimitsSettings

OK = answer(b'{"choices":[]}')


def node() -> ScriptedNode:
    return ScriptedNode(lambda _: [OK])


async def talk(port: int, data: bytes) -> bytes:
    """Send bytes, half-closing nothing, and read until the router closes or is quiet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    received = b""
    try:
        async with asyncio.timeout(1.0):
            while part := await reader.read(65_536):
                received += part
    except TimeoutError:
        received += b"<open>"
    except ConnectionError:
        received += b"<reset>"
    writer.close()
    return received


SMUGGLED = request(chat_body(), path="/v1/completions")
BODY = chat_body()
START = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + KEY.encode() + b"\r\n"


@pytest.mark.parametrize(
    "data",
    [
        START + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % len(BODY) + SMUGGLED,
        START + b"Content-Length: 5\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY + SMUGGLED,
        START + b"Transfer-Encoding: xchunked\r\n\r\n" + SMUGGLED,
        START + b"Host: y\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
        START + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
        START + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n" + SMUGGLED,
        START + b"X-A: b\r\n c\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
        b"GET /health HTTP/1.1\r\nHost: a/b?c\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    ],
)
def test_a_request_with_two_meanings_is_refused_and_reaches_no_node(fast: bool, data: bytes) -> None:
    async def scenario() -> None:
        async with node() as fake, running_plane(fake, fast=fast) as plane:
            received = await talk(plane.port, data)
            assert received.startswith(b"HTTP/1.1 400 ")
            assert b"Correct it and send it again" in received
            assert received.count(b"HTTP/1.1 ") == 1
            assert not received.endswith(b"<open>")
            assert fake.requests == []

    run(scenario())


def test_pipelined_requests_are_answered_in_order(fast: bool) -> None:
    async def scenario() -> None:
        fake = ScriptedNode(lambda n: [answer(b'{"n":%d}' % n)])
        async with fake, running_plane(fake, fast=fast) as plane:
            control = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(request(BODY) + request(BODY) + control + request(BODY))
            bodies = [(await read_response(reader)).body for _ in range(4)]
            assert bodies == [b'{"n":0}', b'{"n":1}', b"ok", b'{"n":2}']
            writer.close()

    run(scenario())


def test_five_hundred_pipelined_requests_do_not_grow_the_stack(fast: bool) -> None:
    async def scenario() -> None:
        async with node() as fake, running_plane(fake, fast=fast) as plane:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(request(BODY) * 500)
            for _ in range(500):
                assert (await read_response(reader)).status == 200
            writer.close()

    run(scenario())


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_request_may_come_in_pieces(fast: bool, size: int) -> None:
    async def scenario() -> None:
        async with node() as fake, running_plane(fake, fast=fast) as plane:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            data = request(BODY)
            for start in range(0, len(data), size):
                writer.write(data[start : start + size])
                await asyncio.sleep(0)
            assert (await read_response(reader)).status == 200
            assert fake.requests[0].endswith(BODY)
            writer.close()

    run(scenario())


def test_body_bytes_that_look_like_a_request_are_body(fast: bool) -> None:
    async def scenario() -> None:
        async with node() as fake, running_plane(fake, fast=fast) as plane:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(START + b"Transfer-Encoding: chunked\r\n\r\n9\r\n")
            await asyncio.sleep(0.02)
            writer.write(b"POST /v1/")
            await asyncio.sleep(0.02)
            writer.write(b"\r\n0\r\n\r\n")
            assert (await read_response(reader)).status == 400
            assert fake.requests == []
            writer.close()

    run(scenario())


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_over_the_limit_is_413_while_it_is_read(fast: bool, chunked: bool) -> None:
    async def scenario() -> None:
        limits = replace(LimitsSettings(), body_bytes=1000)
        async with node() as fake, running_plane(fake, fast=fast, limits=limits) as plane:
            size = 5000
            framing = b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: %d\r\n\r\n" % size
            data = b"%x\r\n" % size if chunked else b""
            received = await talk(plane.port, START + framing + data + b"x" * 1500)
            assert received.startswith(b"HTTP/1.1 413 ")
            assert fake.requests == []

    run(scenario())


def test_a_body_in_another_encoding_is_415(fast: bool) -> None:
    async def scenario() -> None:
        async with node() as fake, running_plane(fake, fast=fast) as plane:
            received = await talk(plane.port, request(BODY, extra="Content-Encoding: gzip\r\n"))
            assert received.startswith(b"HTTP/1.1 415 ")

    run(scenario())


def test_an_endless_head_is_431(fast: bool) -> None:
    async def scenario() -> None:
        async with node() as fake, running_plane(fake, fast=fast) as plane:
            received = await talk(plane.port, START + b"X-A: " + b"a" * 40_000)
            assert received.startswith(b"HTTP/1.1 431 ")

    run(scenario())


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"", b""), (b"POST /v1/chat", b"408"), (START + b"Content-Length: 100\r\n\r\n{", b"408")],
    ids=["silent", "half a head", "half a body"],
)
def test_a_slow_client_is_cut_off(fast: bool, sent: bytes, status: bytes) -> None:
    async def scenario() -> None:
        timeouts = replace(TIMEOUTS, head_s=0.2, body_idle_s=0.2)
        async with node() as fake, running_plane(fake, fast=fast, timeouts=timeouts) as plane:
            received = await talk(plane.port, sent)
            assert not received.endswith(b"<open>")
            assert received.startswith(b"HTTP/1.1 " + status) if status else received == b""

    run(scenario())


def test_a_wrong_key_is_401_and_a_large_body_is_not_waited_for(fast: bool) -> None:
    async def scenario() -> None:
        async with node() as fake, running_plane(fake, fast=fast) as plane:
            received = await talk(plane.port, request(BODY, key="sk-wrong"))
            assert received.startswith(b"HTTP/1.1 401 ")
            head = START.replace(KEY.encode(), b"sk-wrong") + b"Content-Length: 1000000\r\n\r\n"
            assert (await talk(plane.port, head)).startswith(b"HTTP/1.1 401 ")
            assert fake.requests == []

    run(scenario())


def test_connection_close_is_honoured(fast: bool) -> None:
    async def scenario() -> None:
        async with node() as fake, running_plane(fake, fast=fast) as plane:
            received = await talk(plane.port, request(BODY, extra="Connection: close\r\n"))
            assert b"connection: close" in received.lower()
            assert not received.endswith(b"<open>")

    run(scenario())


def test_an_offer_to_upgrade_is_ignored(fast: bool) -> None:
    async def scenario() -> None:
        async with node() as fake, running_plane(fake, fast=fast) as plane:
            offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"
            received = await talk(plane.port, request(BODY, extra=offer))
            assert received.startswith(b"HTTP/1.1 200 ")

    run(scenario())


def test_expect_100_continue_is_answered(fast: bool) -> None:
    async def scenario() -> None:
        async with node() as fake, running_plane(fake, fast=fast) as plane:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(START + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
            writer.write(BODY)
            assert (await read_response(reader)).status == 200
            writer.close()

    run(scenario())


def test_a_repeated_head_with_another_key_is_checked_again(fast: bool) -> None:
    async def scenario() -> None:
        async with node() as fake, running_plane(fake, fast=fast) as plane:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            for data, status in ((request(BODY), 200), (request(BODY), 200), (request(BODY, key="sk-x"), 401)):
                writer.write(data)
                assert (await read_response(reader)).status == status
            plane.plane.gatekeeper.drop_key("key-of-the-plane")
            writer.write(request(BODY))
            assert (await read_response(reader)).status == 401
            writer.close()

    run(scenario())
