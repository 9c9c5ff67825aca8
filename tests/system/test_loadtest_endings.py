"""The endings of a request that need time to pass or a real network."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from loadtest.scripted import Chat, serving, whole

from llmlb.loadtest.engine import Call, Engine, Side
from llmlb.loadtest.exchange import Deadlines, Expectation
from llmlb.loadtest.plan import ClosedLoop, Plan
from llmlb.loadtest.record import Asked, Label, Record
from llmlb.loadtest.result import Result
from llmlb.loadtest.run import run
from llmlb.loadtest.target import Target
from llmlb.loadtest.taxonomy import Ending

pytestmark = pytest.mark.system

QUICK = Deadlines(connect_s=0.3, first_token_s=0.3, stall_s=0.3, total_s=5)


def play(chat: Chat, deadlines: Deadlines) -> Record:
    async def main() -> Result:
        async with serving(chat) as server:
            return await run(Plan(ClosedLoop(users=1, requests=1), deadlines=deadlines), Target(server.url))

    (record,) = asyncio.run(main()).records
    return record


def send(target: Target) -> Record:
    """One request without asking for the models first."""

    async def main() -> Record:
        side = Side(target, "/v1/chat/completions", streamed=False, connect_s=QUICK.connect_s)
        engine = Engine([side], deadlines=QUICK, run_id="x")
        now_ns = engine.start_ns
        try:
            await engine.perform(Call(Label(0), b"{}", Expectation(streamed=False), now_ns, now_ns, Asked()))
            engine.settle()
        finally:
            await engine.aclose()
        return engine.records[0]

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("chat", "deadlines", "ending", "after_s"),
    [
        (Chat(fault="hang"), QUICK, Ending.FIRST_TOKEN_TIMEOUT, 0.3),
        (Chat(ttft_s=30), QUICK, Ending.FIRST_TOKEN_TIMEOUT, 0.3),
        (Chat(fault="stall"), QUICK, Ending.STALL, 0.3),
        (Chat(gaps_s=[0.05] * 1000), Deadlines(total_s=0.5), Ending.TOTAL_TIMEOUT, 0.5),
    ],
)
def test_each_deadline_ends_the_request_in_its_class_and_in_time(
    chat: Chat, deadlines: Deadlines, ending: Ending, after_s: float
) -> None:
    record = play(chat, deadlines)
    assert record.ending is ending
    assert after_s <= record.e2e_s < after_s + 0.5


def test_a_server_that_dies_over_a_request_is_not_asked_again() -> None:
    async def main() -> Result:
        script = [Chat(), Chat(fault="close_before_head", head_s=0.5), Chat()]
        async with serving(lambda request: script[request.number]) as server:
            return await run(Plan(ClosedLoop(users=1, requests=2)), Target(server.url))

    result = asyncio.run(main())
    assert [record.ending for record in result.records] == [Ending.OK, Ending.TRUNCATED]
    assert result.summary.totals.reconnects == 0


def test_a_client_out_of_files_blames_itself() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def main() -> Record:
        side = Side(Target("http://127.0.0.1:9"), "/", streamed=False, connect_s=QUICK.connect_s)
        engine = Engine([side], deadlines=QUICK, run_id="x")
        next_file = os.open(os.devnull, os.O_RDONLY)
        os.close(next_file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (next_file, hard))
        try:
            now_ns = engine.start_ns
            await engine.perform(Call(Label(0), b"{}", Expectation(streamed=False), now_ns, now_ns, Asked()))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        engine.settle()
        return engine.records[0]

    record = asyncio.run(main())
    assert (record.ending, record.detail) == (Ending.CLIENT_ERROR, "Too many open files")


def test_nobody_listening_is_connect_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    record = send(Target(f"http://127.0.0.1:{port}"))
    assert (record.ending, record.detail) == (Ending.CONNECT_REFUSED, "Connection refused")
    assert send(Target("http://nowhere.invalid")).ending is Ending.CONNECT_REFUSED


def test_a_listener_that_never_accepts_is_connect_timeout() -> None:
    with full_listener() as port:
        record = send(Target(f"http://127.0.0.1:{port}"))
    assert record.ending is Ending.CONNECT_TIMEOUT
    assert record.e2e_s < 1


@contextmanager
def full_listener() -> Iterator[int]:
    """A listener whose backlog is full: the next connection gets no answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        try:
            for _ in range(4):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(listener.getsockname())
                waiting.append(client)
            yield listener.getsockname()[1]
        finally:
            for client in waiting:
                client.close()


async def plain_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(whole(400, b"{}"))
    writer.close()


def test_a_server_that_speaks_no_tls_is_a_tls_failure() -> None:
    async def main() -> Record:
        async with await asyncio.start_server(plain_answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await asyncio.to_thread(send, Target(f"https://127.0.0.1:{port}"))

    assert asyncio.run(main()).ending is Ending.TLS


def test_a_private_ca_is_refused_until_it_is_named_or_waived(certificate: tuple[Path, Path]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(whole(200, b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}'))
        writer.close()

    async def main() -> list[Ending]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            targets = (Target(url), Target(url, ca_file=str(certificate[0])), Target(url, verify_tls=False))
            return [(await asyncio.to_thread(send, target)).ending for target in targets]

    assert asyncio.run(main()) == [Ending.TLS, Ending.OK, Ending.OK]
