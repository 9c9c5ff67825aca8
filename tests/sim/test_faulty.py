"""Each fault once, as bytes on the wire, for a stream and for an answer in one piece."""

from __future__ import annotations

import asyncio
import json

import pytest
from fakes.raw_http import RawClient, raw_post
from fakes.virtual_time import run_virtual

from llmlb.sim import Ending, RequestRecord, SimServer, SimSettings

FAST = SimSettings(prefill_tokens_per_s=1e9, decode_tokens_per_s=1e3)
CHAT = "/v1/chat/completions"
ASK = {
    "model": "sim-model",
    "messages": [{"role": "user", "content": "hello"}],
    "max_tokens": 8,
    "ignore_eos": True,
}
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Outcome:
    """What a client saw of one request, and what the engine noted about it."""

    def __init__(self, received: bytes, *, was_reset: bool, took_s: float, record: RequestRecord) -> None:
        self.received = received
        self.was_reset = was_reset
        self.took_s = took_s
        self.record = record

    @property
    def events(self) -> int:
        return self.received.count(b'"delta":{"content":"')


def meet(fault: str, *, is_stream: bool, path: str = CHAT, patience_s: float = 30.0) -> Outcome:
    """Sends one request to an engine with this fault, and reads for at most patience_s."""

    async def scenario() -> Outcome:
        loop = asyncio.get_running_loop()
        async with SimServer(FAST) as sim:
            sim.set_faults([fault])
            async with RawClient(sim.url) as client:
                body = {**ASK, "stream": is_stream}
                await client.send(raw_post(path, body, headers="Connection: close\r\n"))
                began_at_s = loop.time()
                received, was_reset = await _read(client, patience_s)
                took_s = loop.time() - began_at_s
            await _settle(sim)
            assert sim.running == 0
            return Outcome(received, was_reset=was_reset, took_s=took_s, record=sim.requests[0])

    return run_virtual(scenario())


async def _read(client: RawClient, patience_s: float) -> tuple[bytes, bool]:
    received = b""
    try:
        async with asyncio.timeout(patience_s):
            while piece := await client.reader.read(65536):
                received += piece
    except ConnectionResetError:
        return received, True
    except TimeoutError:
        return received, False
    return received, False


async def _settle(sim: SimServer) -> None:
    while sim.open_sockets:
        await asyncio.sleep(0.01)


BOTH = pytest.mark.parametrize("is_stream", [True, False])


@BOTH
def test_hang_never_answers(is_stream: bool) -> None:
    seen = meet("hang", is_stream=is_stream, patience_s=100.0)
    assert seen.received == b""
    assert seen.took_s >= 100.0
    assert seen.record.outcome is Ending.ABORTED


@BOTH
def test_slow_head_answers_late_but_fully(is_stream: bool) -> None:
    seen = meet("slow_head:20s", is_stream=is_stream)
    assert seen.took_s >= 20.0
    assert seen.received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert seen.record.outcome is Ending.COMPLETED
    assert seen.record.completion_tokens == 8


@BOTH
@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_status_is_an_error_in_the_usual_shape(is_stream: bool, status: int) -> None:
    seen = meet(f"status:{status}:9", is_stream=is_stream)
    head, _, body = seen.received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert (b"retry-after: 9" in head) == (status == 429)
    assert json.loads(body)["error"]["code"] == "engine_failed"
    assert seen.record.status == status


@BOTH
def test_death_before_the_first_byte_is_a_bare_end(is_stream: bool) -> None:
    seen = meet("die_before_byte", is_stream=is_stream)
    assert (seen.received, seen.was_reset) == (b"", False)


def test_death_in_a_stream_leaves_the_body_truncated_after_its_events() -> None:
    seen = meet("die_mid_stream:3", is_stream=True)
    assert seen.events == 3
    assert not seen.received.endswith(LAST_CHUNK)
    assert b"[DONE]" not in seen.received
    assert not seen.was_reset
    assert seen.record.outcome is Ending.FAILED
    assert seen.record.completion_tokens == 3


def test_death_after_no_event_comes_after_the_head() -> None:
    seen = meet("die_mid_stream:0", is_stream=True)
    assert seen.received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert seen.events == 0


@pytest.mark.parametrize("fault", ["die_mid_stream", "stall", "rst:1"])
def test_answer_in_one_piece_breaks_off_halfway(fault: str) -> None:
    seen = meet(fault, is_stream=False)
    head, _, body = seen.received.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert len(body) == length // 2


@BOTH
def test_reset_without_a_count_comes_before_any_byte(is_stream: bool) -> None:
    seen = meet("rst", is_stream=is_stream)
    assert (seen.received, seen.was_reset) == (b"", True)


def test_reset_in_a_stream_comes_after_its_events() -> None:
    seen = meet("rst:2", is_stream=True)
    assert seen.was_reset
    assert seen.events == 2


def test_clean_end_in_a_stream_has_no_finish_and_no_done() -> None:
    seen = meet("clean_eof_mid:2", is_stream=True)
    assert seen.events == 2
    assert seen.received.endswith(LAST_CHUNK)
    assert b"[DONE]" not in seen.received
    assert b'"finish_reason":"' not in seen.received


def test_clean_end_of_half_a_body_declares_the_half() -> None:
    head, _, body = meet("clean_eof_mid", is_stream=False).received.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_error_event_comes_under_status_200_and_ends_with_done() -> None:
    seen = meet("error_event:2", is_stream=True)
    assert seen.received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert seen.events == 2
    assert b'data: {"error":' in seen.received
    assert seen.received.endswith(b"data: [DONE]\n\n" + LAST_CHUNK)


def test_error_in_one_piece_is_an_error_body_under_status_200() -> None:
    head, _, body = meet("error_event", is_stream=False).received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert "error" in json.loads(body)


def test_anthropic_error_event_is_named() -> None:
    seen = meet("error_event:1", is_stream=True, path="/v1/messages")
    assert b'event: error\ndata: {"type":"error","error":' in seen.received
    assert b"message_stop" not in seen.received


def test_responses_error_event_has_type_error() -> None:

    async def scenario() -> bytes:
        async with SimServer(FAST) as sim, RawClient(sim.url) as client:
            sim.set_faults(["error_event:1"])
            body = {"model": "sim-model", "input": "hi", "stream": True}
            await client.send(raw_post("/v1/responses", body, headers="Connection: close\r\n"))
            return (await client.read_to_end())[0]

    received = run_virtual(scenario())
    assert b'event: error\ndata: {"type":"error",' in received
    assert b"response.completed" not in received


@BOTH
def test_polite_abort_has_its_finish_reason_and_a_clean_end(is_stream: bool) -> None:
    seen = meet("abort_finish:2", is_stream=is_stream)
    assert b'"finish_reason":"abort"' in seen.received
    if is_stream:
        assert seen.events == 2
        assert seen.received.endswith(b"data: [DONE]\n\n" + LAST_CHUNK)


@BOTH
def test_garbage_is_not_http(is_stream: bool) -> None:
    seen = meet("garbage", is_stream=is_stream)
    assert seen.received
    assert not seen.received.startswith(b"HTTP/")


@BOTH
def test_huge_header_has_the_bytes_asked_for(is_stream: bool) -> None:
    head = meet("huge_header:70000", is_stream=is_stream).received.partition(b"\r\n\r\n")[0]
    assert len(head) > 70_000


@BOTH
def test_wrong_length_promises_more_than_comes(is_stream: bool) -> None:
    head, _, body = meet("wrong_length:5", is_stream=is_stream).received.partition(b"\r\n\r\n")
    assert f"content-length: {len(body) + 5}".encode() in head


def test_stalled_stream_goes_silent_and_stays_open() -> None:
    seen = meet("stall:2", is_stream=True, patience_s=100.0)
    assert seen.events == 2
    assert seen.took_s >= 100.0
    assert seen.record.outcome is Ending.ABORTED


@pytest.mark.parametrize("fault", ["exit", "exit:2"])
def test_exit_takes_every_connection_and_the_listener_along(fault: str) -> None:
    async def scenario() -> None:
        async with SimServer(FAST) as sim, RawClient(sim.url) as bystander, RawClient(sim.url) as client:
            sim.set_faults([fault])
            await client.send(raw_post(CHAT, {**ASK, "stream": True}))
            received, _ = await client.read_to_end()
            assert (b"content" in received) == (fault == "exit:2")
            assert (await bystander.read_to_end())[1]
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", sim.port)

    run_virtual(scenario())


def test_answer_that_ends_before_its_fault_is_complete() -> None:
    seen = meet("die_mid_stream:9", is_stream=True)
    assert seen.received.endswith(b"data: [DONE]\n\n" + LAST_CHUNK)
    assert seen.record.outcome is Ending.COMPLETED


@pytest.mark.parametrize(
    ("fault", "status_line"),
    [("status:500", b"HTTP/1.1 500"), ("slow_head:3s", b"HTTP/1.1 200"), ("hang", b""), ("rst", b"")],
)
def test_fault_with_a_path_strikes_a_page(fault: str, status_line: bytes) -> None:
    async def scenario() -> tuple[bytes, float]:
        loop = asyncio.get_running_loop()
        async with SimServer(FAST) as sim, RawClient(sim.url) as client:
            sim.set_faults([f"{fault}@path=/health"])
            await client.send(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            received, _ = await _read(client, 10.0)
            return received, loop.time()

    received, _ = run_virtual(scenario())
    assert received.startswith(status_line)
    assert bool(received) == bool(status_line)


def test_faults_can_always_be_lifted() -> None:
    async def scenario() -> bytes:
        async with SimServer(FAST) as sim, RawClient(sim.url) as client:
            sim.set_faults(["hang@path=/"])
            await client.send(raw_post("/sim/faults", []))
            _, body = await client.read_answer()
            return body

    assert json.loads(run_virtual(scenario())) == {"faults": []}
