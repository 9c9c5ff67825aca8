from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest
from fakes.raw_http import RawClient, raw_post
from fakes.virtual_time import run_virtual
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlb.sim import Ending, SimServer, SimSettings
from llmlb.sim.connection import Connection, HeardRequest

FAST = SimSettings(prefill_tokens_per_s=1e9, decode_tokens_per_s=1e4)
CHAT = "/v1/chat/completions"
ASK = {"model": "sim-model", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def hear(segments: list[bytes]) -> list[HeardRequest]:
    """What a connection understands of bytes that arrive in these segments."""

    async def scenario() -> list[HeardRequest]:
        heard: list[HeardRequest] = []

        def application(request: HeardRequest, connection: Connection) -> None:
            heard.append(request)
            connection.send(200, b"{}")
            connection.finish()

        connection = Connection(application, set(), records_heads=True)
        connection.connection_made(Wire())
        for segment in segments:
            connection.data_received(segment)
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        return heard

    return run_virtual(scenario())


PLAIN = raw_post("/a?x=1", b"first body", headers="X-One: 1\r\n")
CHUNKED = b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n5;ext=1\r\npedia\r\n0\r\n\r\n"
GET = b"GET /c HTTP/1.1\r\nHost: x\r\n\r\n"


@settings(max_examples=200)
@given(st.lists(st.integers(1, len(PLAIN + CHUNKED + GET) - 1), max_size=8).map(sorted))
def test_requests_are_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    stream = PLAIN + CHUNKED + GET
    edges = [0, *cuts, len(stream)]
    segments = [stream[begin:end] for begin, end in pairwise(edges) if begin < end]
    heard = hear(segments)
    assert [(request.method, request.path, request.body) for request in heard] == [
        ("POST", "/a", b"first body"),
        ("POST", "/b", b"wikipedia"),
        ("GET", "/c", b""),
    ]
    assert [request.head for request in heard] == [
        PLAIN[: -len(b"first body")],
        CHUNKED[: CHUNKED.index(b"\r\n\r\n") + 4],
        GET,
    ]


@given(st.binary(min_size=1, max_size=200))
def test_noise_never_breaks_a_connection_with_an_exception(noise: bytes) -> None:
    hear([noise])


async def ask_raw(request: bytes) -> tuple[bytes, bool]:
    async with SimServer(FAST) as sim, RawClient(sim.url) as client:
        await client.send(request)
        return await client.read_to_end()


def test_request_that_is_no_http_gets_400_and_the_connection_closes() -> None:
    answer, _ = run_virtual(ask_raw(b"\x16\x03\x01\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_old_client_without_chunks_gets_its_stream_up_to_the_end_of_the_connection() -> None:
    body = json.dumps({**ASK, "stream": True}).encode()
    request = b"POST %b HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % (CHAT.encode(), len(body)) + body
    answer, was_reset = run_virtual(ask_raw(request))
    head, _, events = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert events.startswith(b"data: ")
    assert events.endswith(b"data: [DONE]\n\n")
    assert not was_reset


def test_client_that_asks_to_close_is_answered_and_closed() -> None:
    answer, was_reset = run_virtual(ask_raw(raw_post(CHAT, ASK, headers="Connection: close\r\n")))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert not was_reset


def test_waiting_client_is_told_to_continue() -> None:
    async def scenario() -> bytes:
        request = raw_post(CHAT, ASK, headers="Expect: 100-continue\r\n")
        head_bytes = request.index(b"\r\n\r\n") + 4
        async with SimServer(FAST) as sim, RawClient(sim.url) as client:
            await client.send(request[:head_bytes])
            interim = await client.read_until(b"\r\n\r\n")
            await client.send(request[head_bytes:])
            return interim + await client.read_until(b"\r\n")

    assert run_virtual(scenario()) == b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"


def test_pipelined_requests_are_answered_in_order() -> None:
    async def scenario() -> list[int]:
        async with SimServer(FAST) as sim, RawClient(sim.url) as client:
            await client.send(b"".join(raw_post(CHAT, {**ASK, "max_tokens": n}) for n in (3, 1, 2)))
            answers = [json.loads((await client.read_answer())[1]) for _ in range(3)]
            return [answer["usage"]["completion_tokens"] for answer in answers]

    assert run_virtual(scenario()) == [3, 1, 2]


def test_flood_of_pipelined_requests_ends_the_connection() -> None:
    async def scenario() -> None:
        slow = SimSettings(decode_tokens_per_s=0.001)
        async with SimServer(slow) as sim, RawClient(sim.url) as client:
            await client.send(raw_post(CHAT, ASK) * 100)
            await client.read_to_end()
            assert sim.open_sockets == 0

    run_virtual(scenario())


def test_idle_connection_is_closed_after_the_keep_alive_time() -> None:
    async def scenario() -> float:
        async with SimServer(SimSettings(keep_alive_s=5.0)) as sim, RawClient(sim.url) as client:
            began_at_s = asyncio.get_running_loop().time()
            await client.read_to_end()
            return asyncio.get_running_loop().time() - began_at_s

    assert 5.0 <= run_virtual(scenario()) <= 6.0


def test_long_answer_is_not_mistaken_for_an_idle_connection() -> None:
    async def scenario() -> int:
        slow = SimSettings(decode_tokens_per_s=0.1, keep_alive_s=1.0)
        async with SimServer(slow) as sim, RawClient(sim.url) as client:
            await client.send(raw_post(CHAT, {**ASK, "ignore_eos": True}))
            _, body = await client.read_answer()
            return int(json.loads(body)["usage"]["completion_tokens"])

    assert run_virtual(scenario()) == 4


@pytest.mark.parametrize("is_stream", [True, False])
def test_client_that_hangs_up_frees_its_slot_within_one_event(is_stream: bool) -> None:
    async def scenario() -> tuple[int, int, Ending]:
        slow = SimSettings(decode_tokens_per_s=1.0, slots=1)
        async with SimServer(slow) as sim:
            client = RawClient(sim.url)
            async with client:
                await client.send(raw_post(CHAT, {**ASK, "max_tokens": 1000, "stream": is_stream}))
                while not sim.requests or sim.requests[0].first_token_ms is None:
                    await asyncio.sleep(0.1)
                before = sim.running
            hung_up_at_s = asyncio.get_running_loop().time()
            while sim.open_sockets:
                await asyncio.sleep(0)
            assert asyncio.get_running_loop().time() - hung_up_at_s < 0.1
            return before, sim.running, sim.requests[0].outcome

    assert run_virtual(scenario()) == (1, 0, Ending.ABORTED)


def test_half_closed_client_counts_as_gone() -> None:
    async def scenario() -> Ending:
        async with SimServer(SimSettings(decode_tokens_per_s=1.0)) as sim, RawClient(sim.url) as client:
            await client.send(raw_post(CHAT, {**ASK, "max_tokens": 1000, "stream": True}))
            await client.read_until(b"content")
            client.writer.write_eof()
            await client.read_to_end()
            return sim.requests[0].outcome

    assert run_virtual(scenario()) is Ending.ABORTED
