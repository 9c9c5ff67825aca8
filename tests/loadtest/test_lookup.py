from __future__ import annotations

import asyncio

import pytest
from loadtest.scripted import Chat
from loadtest.scripted import serving as scripted_server

from llmlb.errors import ClientError, RouterUnreachable
from llmlb.loadtest.fetch import fetch
from llmlb.loadtest.lookup import KnownNode, direct, models_of, nodes_of, serving
from llmlb.loadtest.target import Target

NODE = {"id": "n1", "url": "http://10.0.0.1:1", "state": "online", "loaded_models": ["m"], "capability_score": 5}


def nodes(listed: object) -> tuple[KnownNode, ...]:
    async def main() -> tuple[KnownNode, ...]:
        async with scripted_server(Chat()) as server:
            server.replies["GET /v0/nodes"] = (200, listed)
            return await nodes_of(Target(server.url))

    return asyncio.run(main())


def test_only_online_undrained_nodes_are_known() -> None:
    listed = [NODE, {**NODE, "id": "n2", "state": "pending"}, {**NODE, "id": "n3", "draining": True}, {"id": 7}, 3]
    assert nodes({"nodes": listed}) == (KnownNode("n1", "http://10.0.0.1:1", ("m",), 5.0),)


@pytest.mark.parametrize("answer", [None, [], {}, {"nodes": 3}, "x"])
def test_an_answer_of_another_shape_is_no_nodes(answer: object) -> None:
    assert nodes(answer) == ()


def test_a_node_that_lists_no_model_serves_any() -> None:
    silent = KnownNode("n2", "http://h", (), 0)
    known = KnownNode("n1", "http://h", ("m",), 0)
    assert serving((known, silent), "other") == (silent,)
    assert serving((known, silent), "m") == (known, silent)


def test_going_direct_takes_the_nodes_address_and_none_of_the_routers_secrets() -> None:
    router = Target("http://r", api_key="sk-router", headers=(("x-llmlb-pin", "a"),))
    target = direct(router, KnownNode("n1", "http://n", (), 0), api_key="")
    assert (target.url, target.api_key, target.headers, target.pin) == ("http://n", "", (), "n1")


def test_a_server_without_a_list_of_models_has_none() -> None:
    async def main() -> tuple[str, ...]:
        async with scripted_server(Chat()) as server:
            server.replies["GET /v1/models"] = (404, {})
            return await models_of(Target(server.url))

    assert asyncio.run(main()) == ()


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", "broke off"),
        (b"nonsense\r\n\r\n", "broke off"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", "is this an OpenAI API"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (9 << 20), "larger than 8 MiB"),
        (b"", "broke off"),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error_that_says_so(raw: bytes, complaint: str) -> None:
    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(raw)
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await fetch(Target(f"http://127.0.0.1:{port}"), "GET", "/v1/models")

    with pytest.raises((ClientError, RouterUnreachable), match=complaint):
        asyncio.run(main())
