from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from loadtest.scripted import whole

from llmlb.loadtest import connection as module
from llmlb.loadtest.connection import Connection, Pool
from llmlb.loadtest.exchange import Exchange, Expectation
from llmlb.loadtest.target import Target
from llmlb.loadtest.taxonomy import Ending

ANSWER = whole(200, b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}')
CLOSING = ANSWER.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)


def with_pool(answers: list[bytes], work: Callable[[Pool], Awaitable[None]]) -> None:
    """Runs the work against a server that sends one answer after each request, on any connection."""
    left = iter(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(next(left))
        except (asyncio.IncompleteReadError, ConnectionError, StopIteration):
            writer.close()

    async def main() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            pool = Pool(Target(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), connect_timeout_s=5)
            await work(pool)
            await pool.aclose()
            assert pool.idle() is None

    asyncio.run(main())


async def ask(connection: Connection) -> Exchange:
    exchange = Exchange(Expectation(streamed=False), asyncio.get_running_loop().create_future())
    exchange.sent_at_ns = connection.send(exchange, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await exchange.done
    connection.release(exchange)
    return exchange


def test_a_connection_is_used_again_and_counted_once() -> None:
    async def work(pool: Pool) -> None:
        for _ in range(3):
            assert (await ask(pool.idle() or await pool.dial())).ending is Ending.OK
        assert pool.opened == 1

    with_pool([ANSWER] * 3, work)


@pytest.mark.parametrize("first", [CLOSING, ANSWER + b"HTTP/1.1 200 OK\r\n", ANSWER + b"junk"])
def test_a_connection_that_cannot_be_trusted_any_more_is_not_used_again(first: bytes) -> None:
    async def work(pool: Pool) -> None:
        assert (await ask(await pool.dial())).status == 200
        assert pool.idle() is None

    with_pool([first], work)


def test_an_idle_connection_that_is_too_old_is_closed_instead_of_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(pool: Pool) -> None:
        await ask(await pool.dial())
        monkeypatch.setattr(module, "IDLE_LIMIT_NS", -1)
        assert pool.idle() is None

    with_pool([ANSWER], work)


def test_bytes_that_nobody_asked_for_end_an_idle_connection() -> None:
    async def work(pool: Pool) -> None:
        connection = await pool.dial()
        await ask(connection)
        connection.data_received(b"HTTP/1.1 408 Timeout\r\n\r\n")
        assert pool.idle() is None

    with_pool([ANSWER], work)


def test_interim_answers_are_passed_over() -> None:
    async def work(pool: Pool) -> None:
        assert (await ask(await pool.dial())).ending is Ending.OK

    with_pool([b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER], work)
