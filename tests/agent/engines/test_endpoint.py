"""An engine's answers are bounded and never believed, over a real socket."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from agent.engine_server import EngineServer, Page, asked

from llmlb.agent.engines.endpoint import MAX_BODY_BYTES, Endpoint
from llmlb.errors import EngineError


def fetched(page: Page) -> object:
    return asked(EngineServer({"/x": page}), lambda http, url: Endpoint(http, url).json("/x"))


@pytest.mark.parametrize(
    "page",
    [
        "",
        "{",
        "[" * 100_000,
        "NaN",
        '{"n": Infinity}',
        "9" * 5_000,
        b"\xff\xfe\x00",
    ],
    ids=["empty", "cut", "deep", "nan", "infinity", "long integer", "not text"],
)
def test_hostile_json_is_an_engine_error_and_nothing_else(page: Page) -> None:
    with pytest.raises(EngineError):
        fetched(page)


def test_an_endless_body_is_cut_off() -> None:
    with pytest.raises(EngineError, match=f"more than {MAX_BODY_BYTES} bytes"):
        fetched(b" " * (MAX_BODY_BYTES + 1))


def test_the_largest_body_that_is_allowed_is_read() -> None:
    assert fetched(b"1" + b" " * (MAX_BODY_BYTES - 1)) == 1


def test_a_redirect_is_not_followed() -> None:
    with pytest.raises(EngineError, match="answered 302"):
        fetched((302, ""))


def test_what_does_not_speak_http_is_an_engine_error() -> None:
    async def run() -> None:
        async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
            writer.close()

        listener = await asyncio.start_server(shout, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        try:
            async with httpx.AsyncClient(trust_env=False) as http:
                await Endpoint(http, url).json("/x")
        finally:
            listener.close()
            await listener.wait_closed()

    with pytest.raises(EngineError, match="does not speak HTTP"):
        asyncio.run(run())


def test_an_optional_page_that_is_missing_is_empty() -> None:
    async def ask(http: httpx.AsyncClient, url: str) -> tuple[object, str]:
        endpoint = Endpoint(http, url)
        return await endpoint.optional_json("/a"), await endpoint.optional_text("/b")

    assert asked(EngineServer({}), ask) == (None, "")
