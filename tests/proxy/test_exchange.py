"""Behaviour of one exchange on real sockets; every test runs on the fast path and on the ASGI path."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from fakes.node import (
    CLOSE,
    DONE,
    END,
    FINISH,
    RESET,
    ROLE,
    STREAM_HEAD,
    WAIT,
    Script,
    ScriptedNode,
    Step,
    answer,
    chunk,
    event,
    stream,
    word,
)
from fakes.plane import (
    ADMIN_KEY,
    MODEL,
    TIMEOUTS,
    Plane,
    Response,
    chat_body,
    chunked_request,
    exchange,
    key_row,
    read_response,
    request,
    run,
    running_plane,
)

from llmlb.clock import monotonic_s
from llmlb.core.balancer import QueueRules
from llmlb.core.circuit import CircuitState
from llmlb.core.lineup import LeftOut, Lineup
from llmlb.core.record import ExchangeOutcome
from llmlb.core.retry import RetryRules
from llmlb.errors import NodeUnreachable
from llmlb.proxy.exchange import Exchange

CHAT = (
    b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":5}}'
)


def nodes(*scripts: Sequence[Step]) -> list[ScriptedNode]:
    """Nodes that do the same for every request."""
    return [ScriptedNode(always(script)) for script in scripts]


def always(steps: Sequence[Step]) -> Script:
    return lambda _: list(steps)


async def settle(plane: Plane) -> None:
    """Let callbacks run until nothing is in flight any more."""
    for _ in range(200):
        if not plane.plane.exchanges:
            break
        await asyncio.sleep(0.005)
    plane.assert_quiet()


async def ask(plane: Plane, data: bytes) -> Response:
    response = await exchange(plane.port, data)
    await settle(plane)
    return response


def test_a_plain_answer_comes_back_byte_for_byte_with_its_trace(fast: bool) -> None:
    async def scenario() -> None:
        async with nodes([answer(CHAT)])[0] as node, running_plane(node, fast=fast) as plane:
            body = chat_body(unknown={"kept": [1, 2.50]})
            response = await ask(plane, request(body))
            assert (response.status, response.body) == (200, CHAT)
            assert response.headers["x-llmlb-node"] == "node-1"
            assert response.headers["x-llmlb-attempts"] == "1"
            assert response.headers["x-llmlb-reason"] == "only_candidate"
            assert node.requests[0].endswith(b"\r\n\r\n" + body)
            record = plane.records[0]
            assert record.outcome is ExchangeOutcome.ANSWERED
            assert (record.prompt_tokens, record.completion_tokens) == (3, 5)

    run(scenario())


def test_a_stream_passes_unchanged_and_is_counted(fast: bool) -> None:
    async def scenario() -> None:
        whole = stream("Hello", " world")
        async with nodes([whole])[0] as node, running_plane(node, fast=fast) as plane:
            response = await ask(plane, request(chat_body(stream=True)))
            assert response.clean
            assert response.body.count(b"data: ") == 6
            assert response.body.endswith(b"data: [DONE]\n\n")
            record = plane.records[0]
            assert (record.prompt_tokens, record.completion_tokens, record.tokens_estimated) == (7, 2, False)
            assert record.events == 2
            assert record.ttft_s is not None

    run(scenario())


def test_tokens_without_usage_are_counted_and_marked_as_estimated(fast: bool) -> None:
    async def scenario() -> None:
        steps: list[Step] = [STREAM_HEAD, ROLE, word("a"), word("b"), word("c"), FINISH, DONE, END]
        async with nodes(steps)[0] as node, running_plane(node, fast=fast) as plane:
            await ask(plane, request(chat_body(stream=True)))
            assert (plane.records[0].completion_tokens, plane.records[0].tokens_estimated) == (3, True)

    run(scenario())


def test_only_allowed_headers_pass_in_either_direction(fast: bool) -> None:
    async def scenario() -> None:
        extra = "Set-Cookie: a=b\r\nServer: engine\r\nKeep-Alive: timeout=5\r\nopenai-processing-ms: 7\r\n"
        async with nodes([answer(CHAT, extra=extra)])[0] as node, running_plane(node, fast=fast) as plane:
            sent = (
                "Cookie: c=d\r\nX-Node-Token: nt_x\r\nTE: trailers\r\nopenai-organization: org\r\nX-Request-Id: r1\r\n"
            )
            response = await ask(plane, request(chat_body(), extra=sent))
            assert response.headers["openai-processing-ms"] == "7"
            assert not {"set-cookie", "keep-alive"} & set(response.headers)
            assert response.headers.get("server", "uvicorn") == "uvicorn"
            head = node.requests[0].partition(b"\r\n\r\n")[0].lower()
            assert b"openai-organization: org" in head
            assert b"accept-encoding: identity" in head
            for forbidden in (b"authorization", b"cookie", b"x-node-token", b"\r\nte:", b"sk-"):
                assert forbidden not in head
            assert plane.records[0].client_request_id == "r1"

    run(scenario())


@pytest.mark.parametrize(
    "steps",
    [
        [RESET],
        [CLOSE],
        [STREAM_HEAD, RESET],
        [STREAM_HEAD, ROLE, CLOSE],
        [STREAM_HEAD, ROLE, END],
        [STREAM_HEAD, event('{"error":{"message":"cuda"}}'), DONE, END],
        [STREAM_HEAD, ROLE, event('{"choices":[{"delta":{},"finish_reason":"abort"}]}'), DONE, END],
        [answer(b"{}", status="500 Internal Server Error")],
        [answer(b"{}", status="503 Service Unavailable")],
        [answer(b"{}", status="429 Too Many Requests")],
        [b"nonsense\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"],
        [b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"],
        [STREAM_HEAD, b"zz\r\n"],
    ],
    ids=lambda steps: repr(b"".join(step if isinstance(step, bytes) else step.encode() for step in steps)[-40:]),
)
def test_a_failure_before_the_first_content_is_invisible(fast: bool, steps: list[Step]) -> None:
    async def scenario() -> None:
        bad, good = nodes(steps, [stream("fine")])
        async with bad, good, running_plane(bad, good, fast=fast) as plane:
            response = await ask(plane, request(chat_body(stream=True)))
            assert (response.status, response.clean) == (200, True)
            assert b"fine" in response.body
            assert response.headers["x-llmlb-node"] == "node-2"
            assert response.headers["x-llmlb-attempts"] == "2"
            assert response.headers["x-llmlb-reason"] == "retry"
            assert plane.records[0].attempts[0].node_id == "node-1"

    run(scenario())


def test_a_refused_connection_takes_the_node_out_at_once(fast: bool) -> None:
    async def scenario() -> None:
        dead, good = nodes([CLOSE], [answer(CHAT)])
        async with good:
            await dead.listen()
            async with running_plane(dead, good, fast=fast) as plane:
                await dead.close()
                for _ in range(4):
                    assert (await ask(plane, request(chat_body()))).status == 200
                assert plane.nodes[0].circuit.state is CircuitState.OPEN
                assert plane.nodes[0].total_requests == 1

    run(scenario())


def test_a_half_sent_plain_answer_is_replaced_by_another_nodes(fast: bool) -> None:
    async def scenario() -> None:
        bad, good = nodes([answer(CHAT)[:-10], RESET], [answer(CHAT)])
        async with bad, good, running_plane(bad, good, fast=fast) as plane:
            assert (await ask(plane, request(chat_body()))).body == CHAT

    run(scenario())


@pytest.mark.parametrize("last", [RESET, CLOSE])
def test_a_stream_that_breaks_after_content_ends_with_an_error_event_and_no_clean_end(fast: bool, last: Step) -> None:
    async def scenario() -> None:
        bad, good = nodes([STREAM_HEAD, ROLE, word("one"), WAIT, last], [stream("never")])
        async with bad, good, running_plane(bad, good, fast=fast) as plane:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(request(chat_body(stream=True)))
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head
            bad.go.set()
            rest = await reader.read()
            writer.close()
            await settle(plane)
            assert b"one" in rest
            assert rest.count(b'"code": "node_lost"') == 1
            assert b"[DONE]" not in rest
            assert not rest.endswith(b"0\r\n\r\n")
            assert good.requests == []
            assert plane.records[0].outcome is ExchangeOutcome.FAILED
            assert plane.nodes[0].failed_requests == 1

    run(scenario())


@pytest.mark.parametrize(
    "tail",
    [
        [END],
        [FINISH, END],
        [DONE, END],
        [event('{"choices":[{"delta":{},"finish_reason":"abort"}]}'), DONE, END],
        [event('{"error":{"message":"engine core died","code":500}}'), DONE, END],
        [chunk(b'data: {"choices":[{"delta":{"content":"two"}}]}\n\ndata: {"error":{"message":"x"}}\n\n'), DONE, END],
    ],
)
def test_a_polite_but_incomplete_end_is_made_a_broken_one(fast: bool, tail: list[bytes]) -> None:
    async def scenario() -> None:
        whole = STREAM_HEAD + ROLE + word("one")
        async with nodes([whole, WAIT, b"".join(tail)])[0] as node, running_plane(node, fast=fast) as plane:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(request(chat_body(stream=True)))
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head
            node.go.set()
            rest = await reader.read()
            writer.close()
            await settle(plane)
            assert b"one" in rest
            assert (b"two" in rest) is (b"two" in b"".join(tail))
            assert rest.count(b'"code": "node_lost"') == 1
            assert b"[DONE]" not in rest.partition(b"node_lost")[2]
            assert not rest.endswith(END)
            assert plane.records[0].outcome is ExchangeOutcome.FAILED

    run(scenario())


def test_a_stream_cut_into_single_bytes_is_still_understood(fast: bool) -> None:
    async def scenario() -> None:
        whole = stream("Hello", " world")
        steps: list[Step] = [whole[i : i + 1] for i in range(len(whole))]
        async with nodes(steps)[0] as node, running_plane(node, fast=fast) as plane:
            response = await ask(plane, request(chat_body(stream=True)))
            assert response.clean
            assert plane.records[0].events == 2
            assert plane.records[0].completion_tokens == 2

    run(scenario())


def test_a_4xx_of_the_node_is_the_clients_own_and_passes_unchanged(fast: bool) -> None:
    async def scenario() -> None:
        body = b'{"error":{"message":"too long","type":"exceed_context_size_error"}}'
        bad, good = nodes([answer(body, status="400 Bad Request")], [answer(CHAT)])
        async with bad, good, running_plane(bad, good, fast=fast) as plane:
            response = await ask(plane, request(chat_body()))
            assert (response.status, response.body) == (400, body)
            assert good.requests == []
            assert plane.nodes[0].failed_requests == 0

    run(scenario())


def test_all_nodes_busy_is_429_with_the_smallest_rest(fast: bool) -> None:
    async def scenario() -> None:
        busy = [
            [answer(b"{}", status="429 Too Many Requests", extra=f"Retry-After: {seconds}\r\n")] for seconds in (9, 4)
        ]
        first, second = nodes(*busy)
        async with first, second, running_plane(first, second, fast=fast) as plane:
            response = await ask(plane, request(chat_body()))
            assert response.status == 429
            assert response.headers["retry-after"] == "4"
            assert response.json["error"]["code"] == "nodes_busy"
            assert all(node.circuit.state is CircuitState.CLOSED for node in plane.nodes)
            assert [len(node.requests) for node in (first, second)] == [1, 1]

    run(scenario())


def test_a_busy_node_rests_no_longer_than_the_operator_allows(fast: bool) -> None:
    async def scenario() -> None:
        (busy,) = nodes([answer(b"{}", status="429 Too Many Requests", extra="Retry-After: 9000\r\n")])
        async with busy, running_plane(busy, fast=fast, retry=RetryRules(longest_rest_s=7.0)) as plane:
            response = await ask(plane, request(chat_body()))
            assert (response.status, response.headers["retry-after"]) == (429, "7")
            assert plane.nodes[0].resting_until_s - monotonic_s() <= 7.0

    run(scenario())


def test_a_request_that_kills_nodes_takes_two_of_them_at_most(fast: bool) -> None:
    async def scenario() -> None:
        fakes = nodes(*[[RESET]] * 4)
        async with fakes[0], fakes[1], fakes[2], fakes[3], running_plane(*fakes, fast=fast) as plane:
            response = await ask(plane, request(chat_body()))
            assert response.status == 502
            assert response.headers["x-should-retry"] == "false"
            assert response.headers["x-llmlb-attempts"] == "2"
            assert sum(len(fake.requests) for fake in fakes) == 2

    run(scenario())


def test_the_engines_own_500_is_passed_on_when_nobody_does_better(fast: bool) -> None:
    async def scenario() -> None:
        failing = answer(b'{"error":"out of memory"}', status="500 Internal Server Error")
        first, second = nodes([failing], [failing])
        async with first, second, running_plane(first, second, fast=fast) as plane:
            response = await ask(plane, request(chat_body()))
            assert (response.status, response.body) == (500, b'{"error":"out of memory"}')
            assert response.headers["x-should-retry"] == "false"

    run(scenario())


def test_retries_stop_when_the_budget_is_spent(fast: bool) -> None:
    async def scenario() -> None:
        failing = answer(b"{}", status="500 Internal Server Error")
        first, second = nodes([failing], [failing])
        rules = RetryRules(budget_percent=0.0, budget_minimum=2)
        async with first, second, running_plane(first, second, fast=fast, retry=rules) as plane:
            for _ in range(4):
                await ask(plane, request(chat_body()))
            assert len(first.requests) + len(second.requests) == 6

    run(scenario())


@pytest.mark.parametrize("streams", [True, False])
def test_a_client_that_hangs_up_while_waiting_frees_the_node_and_is_not_its_fault(fast: bool, streams: bool) -> None:
    async def scenario() -> None:
        async with nodes([WAIT])[0] as node, running_plane(node, fast=fast) as plane:
            _, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(request(chat_body(stream=streams)))
            while not node.requests:
                await asyncio.sleep(0.002)
            writer.close()
            await settle(plane)
            while not node.aborted:
                await asyncio.sleep(0.002)
            assert plane.records[0].outcome is ExchangeOutcome.CANCELLED
            assert plane.nodes[0].failed_requests == 0

    run(scenario())


def test_a_client_that_hangs_up_in_the_middle_of_a_stream_aborts_it(fast: bool) -> None:
    async def scenario() -> None:
        async with nodes([STREAM_HEAD, ROLE, word("x"), WAIT])[0] as node, running_plane(node, fast=fast) as plane:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(request(chat_body(stream=True)))
            await reader.readuntil(b"\n\n")
            writer.close()
            await settle(plane)
            while not node.aborted:
                await asyncio.sleep(0.002)
            assert plane.records[0].cancelled_phase == "streaming"

    run(scenario())


def test_a_silent_node_times_out_and_another_answers(fast: bool) -> None:
    async def scenario() -> None:
        silent, good = nodes([WAIT], [stream("fine")])
        timeouts = replace(TIMEOUTS, first_byte_s=0.1)
        async with silent, good, running_plane(silent, good, fast=fast, timeouts=timeouts) as plane:
            response = await ask(plane, request(chat_body(stream=True)))
            assert b"fine" in response.body
            assert plane.nodes[0].failed_requests == 1

    run(scenario())


@pytest.mark.parametrize(
    "bad",
    [b'{"choices":[{"finish_reason":"abort"}]}', b'{"error":{"message":"engine stopped"}}'],
    ids=["abort", "error"],
)
@pytest.mark.parametrize("size", [0, 100_000], ids=["one read", "many reads"])
def test_a_whole_answer_that_is_none_is_given_by_another_node(fast: bool, bad: bytes, size: int) -> None:
    async def scenario() -> None:
        broken, good = nodes([answer(bad + b" " * size)], [answer(CHAT)])
        async with broken, good, running_plane(broken, good, fast=fast) as plane:
            bodies = {(await ask(plane, request(chat_body()))).body for _ in range(4)}
            assert bodies == {CHAT}
            assert plane.nodes[0].failed_requests > 0

    run(scenario())


def test_a_whole_answer_that_is_none_is_not_passed_on_when_nobody_does_better(fast: bool) -> None:
    async def scenario() -> None:
        async with (
            nodes([answer(b'{"choices":[{"finish_reason":"abort"}]}')])[0] as node,
            running_plane(node, fast=fast) as plane,
        ):
            response = await ask(plane, request(chat_body()))
            assert (response.status, json.loads(response.body)["error"]["code"]) == (502, "node_failed")

    run(scenario())


def test_how_a_body_is_encoded_is_passed_on(fast: bool) -> None:
    async def scenario() -> None:
        packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08"
        async with nodes([packed])[0] as node, running_plane(node, fast=fast) as plane:
            response = await ask(plane, request(chat_body()))
            assert (response.headers["content-encoding"], response.body) == ("gzip", b"\x1f\x8b\x08")

    run(scenario())


def test_a_client_that_never_paused_keeps_no_silent_stream_alive(fast: bool) -> None:
    async def scenario() -> None:
        async with (
            nodes([STREAM_HEAD, ROLE, word("x"), WAIT])[0] as node,
            running_plane(node, fast=fast) as plane,
        ):
            asking = asyncio.ensure_future(ask(plane, request(chat_body(stream=True))))
            while not plane.plane.exchanges or not next(iter(plane.plane.exchanges)).is_committed:
                await asyncio.sleep(0.002)
            exchange = next(iter(plane.plane.exchanges))
            last_data_at_s = exchange._last_data_at_s
            exchange.client_resumed()
            assert exchange._last_data_at_s == last_data_at_s
            asking.cancel()

    run(scenario())


def test_an_answer_to_http_1_0_that_breaks_ends_with_a_reset(fast: bool) -> None:
    async def scenario() -> None:
        half = b"HTTP/1.1 200 OK\r\ncontent-length: 800000\r\n\r\n" + b"x" * 400_000
        async with nodes([half, CLOSE])[0] as node, running_plane(node, fast=fast) as plane:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(request(chat_body()).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
            with pytest.raises(ConnectionResetError):
                await reader.read(-1)
            writer.close()

    run(scenario())


def test_http_1_0_gets_no_chunks(fast: bool) -> None:
    async def scenario() -> None:
        async with nodes([stream("fine")])[0] as node, running_plane(node, fast=fast) as plane:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(request(chat_body(stream=True)).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
            assert b"transfer-encoding" not in head.lower()
            assert body.startswith(b"data: ")
            assert body.endswith(b"data: [DONE]\n\n")
            writer.close()

    run(scenario())


def test_a_fault_of_the_router_before_the_node_was_asked_is_a_500(
    fast: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with nodes([answer(CHAT)])[0] as node, running_plane(node, fast=fast) as plane:
            with monkeypatch.context() as broken:
                broken.setattr(plane.plane, "offer", lambda *_: 1 / 0)
                response = await ask(plane, request(chat_body()))
            assert (response.status, json.loads(response.body)["error"]["code"]) == (500, "internal_error")
            assert plane.records[0].outcome is ExchangeOutcome.REFUSED
            assert (await ask(plane, request(chat_body()))).body == CHAT
            assert "could not be handled" in caplog.text

    run(scenario())


def test_a_fault_of_the_router_over_an_answer_blames_neither_the_node_nor_the_client(
    fast: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with nodes([answer(CHAT)])[0] as node, running_plane(node, fast=fast) as plane:
            with monkeypatch.context() as broken:
                broken.setattr("llmlb.proxy.exchange.read_answer", lambda _: 1 / 0)
                response = await ask(plane, request(chat_body()))
            assert (response.status, json.loads(response.body)["error"]["code"]) == (500, "internal_error")
            assert (plane.nodes[0].in_flight, plane.nodes[0].failed_requests) == (0, 0)
            assert plane.records[0].outcome is not ExchangeOutcome.CANCELLED
            assert "could not be handled" in caplog.text

    run(scenario())


def test_no_field_of_a_node_reaches_a_client_behind_the_answer(fast: bool) -> None:
    async def scenario() -> None:
        trailers = b"0\r\nSet-Cookie: evil=1\r\n\r\n"
        async with (
            nodes([STREAM_HEAD, ROLE, word("x"), FINISH + DONE + trailers])[0] as node,
            running_plane(node, fast=fast) as plane,
        ):
            response = await ask(plane, request(chat_body(stream=True)))
            assert response.status == 502 or not response.clean
            assert b"evil" not in response.body
            assert plane.nodes[0].failed_requests == 1

    run(scenario())


def test_who_is_turned_away_at_the_door_leaves_a_trace_and_no_record(fast: bool) -> None:
    async def scenario() -> None:
        async with nodes([answer(CHAT)])[0] as node, running_plane(node, fast=fast) as plane:
            response = await ask(plane, request(chat_body(), key="sk-guess", extra="X-Request-Id: mine\r\n"))
            [record] = plane.turned_away
            assert response.status == record.status == 401
            assert response.headers["x-llmlb-request-id"] == record.id
            assert (record.client_request_id, record.address) == ("mine", "127.0.0.1")
            packed = request(chat_body(), extra="Content-Encoding: gzip\r\n")
            assert (await ask(plane, packed)).status == plane.turned_away[-1].status == 415
            assert plane.records == []

    run(scenario())


def test_the_address_that_counts_is_the_one_a_trusted_proxy_tells(fast: bool) -> None:
    async def scenario() -> None:
        told = "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n"
        async with (
            nodes([answer(CHAT)])[0] as node,
            running_plane(node, fast=fast, trusted_proxies=("127.0.0.1",)) as behind,
            running_plane(node, fast=fast) as direct,
        ):
            for plane, address in ((behind, "203.0.113.9"), (direct, "127.0.0.1")):
                await ask(plane, request(chat_body(), extra=told))
                await ask(plane, request(chat_body(), extra=told, key="sk-guess"))
                assert plane.records[0].address == plane.turned_away[0].address == address

    run(scenario())


def test_a_model_has_its_own_time_for_the_first_byte(fast: bool) -> None:
    async def scenario() -> None:
        silent, good = nodes([WAIT], [stream("fine")])
        timeouts = replace(TIMEOUTS, models={MODEL: {"first_byte": 0.1}})
        async with silent, good, running_plane(silent, good, fast=fast, timeouts=timeouts) as plane:
            response = await ask(plane, request(chat_body(stream=True)))
            assert b"fine" in response.body
            assert plane.nodes[0].failed_requests == 1

    run(scenario())


def test_the_first_byte_of_a_long_prompt_is_waited_for(fast: bool) -> None:
    async def scenario() -> None:
        silent = nodes([WAIT])[0]
        timeouts = replace(TIMEOUTS, first_byte_s=10.0, prefill=100.0)
        async with silent, running_plane(silent, fast=fast, timeouts=timeouts) as plane:
            started_s = monotonic_s()
            asking = asyncio.ensure_future(ask(plane, request(chat_body(stream=True, pad="x" * 40_000))))
            while not silent.requests:
                await asyncio.sleep(0.002)
            exchange = next(iter(plane.plane.exchanges))
            assert 110.0 < exchange.deadline_at_s - started_s < 125.0
            asking.cancel()

    run(scenario())


def test_a_stream_that_stalls_is_ended_though_comments_keep_coming(fast: bool) -> None:
    async def scenario() -> None:
        pings: list[Step] = [chunk(b":\n\n")]
        async with (
            nodes([STREAM_HEAD, ROLE, word("x"), *pings, WAIT])[0] as node,
            running_plane(node, fast=fast, timeouts=replace(TIMEOUTS, stream_idle_s=0.2)) as plane,
        ):
            response = await ask(plane, request(chat_body(stream=True)))
            assert not response.clean
            assert b"node_lost" in response.body

    run(scenario())


def test_a_reused_connection_that_was_just_closed_is_redialled(fast: bool) -> None:
    async def scenario() -> None:
        turns: list[list[Step]] = [[answer(CHAT)], [CLOSE], [answer(CHAT)]]
        node = ScriptedNode(lambda index: turns[index])
        async with node, running_plane(node, fast=fast) as plane:
            for _ in range(2):
                assert (await ask(plane, request(chat_body()))).status == 200
            assert plane.records[1].attempts == ()
            assert plane.nodes[0].failed_requests == 0

    run(scenario())


def test_requests_beyond_the_nodes_capacity_wait_their_turn(fast: bool) -> None:
    async def scenario() -> None:
        node = ScriptedNode(lambda _: [WAIT, answer(CHAT)])
        async with node, running_plane(node, fast=fast, max_concurrency=2) as plane:
            asked = [asyncio.ensure_future(exchange(plane.port, request(chat_body()))) for _ in range(6)]
            while len(node.requests) < 2 or not plane.plane.depths():
                await asyncio.sleep(0.002)
            await asyncio.sleep(0.02)
            assert len(node.requests) == 2
            node.go.set()
            assert [response.status for response in await asyncio.gather(*asked)] == [200] * 6
            await settle(plane)
            assert max(record.queue_position for record in plane.records) == 4

    run(scenario())


def test_a_full_queue_refuses_with_retry_after_and_a_long_wait_with_503(fast: bool) -> None:
    async def scenario() -> None:
        node = ScriptedNode(lambda _: [WAIT])
        rules = QueueRules(per_model=1, wait_s=0.3)
        async with node, running_plane(node, fast=fast, max_concurrency=1, queue=rules) as plane:
            first = asyncio.ensure_future(exchange(plane.port, request(chat_body())))
            while not node.requests:
                await asyncio.sleep(0.002)
            second = asyncio.ensure_future(exchange(plane.port, request(chat_body())))
            while not plane.plane.depths():
                await asyncio.sleep(0.002)
            full = await exchange(plane.port, request(chat_body()))
            assert full.status == 429
            assert 1 <= int(full.headers["retry-after"]) <= 5
            assert (await second).json["error"]["code"] == "queue_timeout"
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await settle(plane)

    run(scenario())


def test_what_a_failed_attempt_took_is_no_waiting(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    dial_s, late_s = 10.0, 0.0
    fail = Exchange.unreachable

    def fail_late(self: Exchange, error: NodeUnreachable) -> None:
        nonlocal late_s
        late_s += dial_s
        fleet = self._plane.balancer.fleet
        for node in fleet:
            fleet.drain(node, monotonic_s())
        fail(self, error)

    monkeypatch.setattr(Exchange, "unreachable", fail_late)
    for module in ("llmlb.proxy.exchange", "llmlb.proxy.plane", "fakes.plane"):
        monkeypatch.setattr(f"{module}.monotonic_s", lambda: monotonic_s() + late_s)

    async def scenario() -> None:
        [dead] = nodes([CLOSE])
        await dead.listen()
        async with running_plane(dead, fast=fast, queue=QueueRules(absent_wait_s=0.1)) as plane:
            await dead.close()
            assert (await exchange(plane.port, request(chat_body()))).status == 503
            [record] = plane.records
            assert record.total_s >= dial_s
            assert 0.1 <= record.queue_s < dial_s
            assert record.queue_position == 1

    run(scenario())


def test_a_record_tells_why_each_other_node_was_not_asked(fast: bool) -> None:
    async def scenario() -> None:
        one, two = nodes([answer(CHAT)], [answer(CHAT)])
        async with one, two, running_plane(one, two, fast=fast) as plane:
            first, second = plane.nodes
            plane.fleet.drain(first, monotonic_s())
            assert (await ask(plane, request(chat_body()))).headers["x-llmlb-node"] == "node-2"
            plane.fleet.drain(second, monotonic_s())
            assert (await ask(plane, request(chat_body(model="other")))).status == 404
            told = [record.lineup for record in plane.records]
            assert told == [
                Lineup(1, LeftOut((first.id,), ("draining",), {"draining": 1})),
                Lineup(0, others=LeftOut((first.id, second.id), ("model_missing",) * 2, {"model_missing": 2})),
            ]

    run(scenario())


def test_a_waiting_client_that_hangs_up_leaves_the_queue(fast: bool) -> None:
    async def scenario() -> None:
        node = ScriptedNode(lambda _: [WAIT, answer(CHAT)])
        async with node, running_plane(node, fast=fast, max_concurrency=1) as plane:
            first = asyncio.ensure_future(exchange(plane.port, request(chat_body())))
            while not node.requests:
                await asyncio.sleep(0.002)
            _, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(request(chat_body()))
            while not plane.plane.depths():
                await asyncio.sleep(0.002)
            writer.close()
            while any(plane.plane.depths().values()):
                await asyncio.sleep(0.002)
            node.go.set()
            await first
            await settle(plane)
            assert len(node.requests) == 1

    run(scenario())


def test_an_unknown_model_is_404_and_no_node_is_asked(fast: bool) -> None:
    async def scenario() -> None:
        async with nodes([answer(CHAT)])[0] as node, running_plane(node, fast=fast) as plane:
            response = await ask(plane, request(chat_body(model="nobody-has-it")))
            assert (response.status, response.json["error"]["code"]) == (404, "model_not_found")
            assert node.requests == []

    run(scenario())


def test_an_alias_rewrites_the_model_and_nothing_else(fast: bool) -> None:
    async def scenario() -> None:
        async with nodes([answer(CHAT)])[0] as node, running_plane(node, fast=fast, aliases={"gpt-4o": MODEL}) as plane:
            body = b'{"temperature": 1e0,  "model":"gpt-4o","messages":[{"content":"gpt-4o"}]}'
            assert (await ask(plane, request(body))).status == 200
            assert node.requests[0].endswith(
                b'{"temperature": 1e0,  "model":"%s","messages":[{"content":"gpt-4o"}]}' % MODEL.encode()
            )

    run(scenario())


@pytest.mark.parametrize("name", [MODEL, f"{MODEL}:latest"])
def test_a_model_is_found_with_and_without_latest_and_its_body_stays(fast: bool, name: str) -> None:
    async def scenario() -> None:
        async with nodes([answer(CHAT)])[0] as node, running_plane(node, fast=fast) as plane:
            body = chat_body(model=name)
            assert (await ask(plane, request(body))).status == 200
            assert node.requests[0].endswith(body)

    run(scenario())


def test_a_pin_is_honoured_for_an_admin_and_ignored_for_anybody_else(fast: bool) -> None:
    async def scenario() -> None:
        first, second = nodes([answer(CHAT)], [answer(CHAT)])
        async with first, second, running_plane(first, second, fast=fast) as plane:
            pin = "X-Llmlb-Pin: node-2\r\n"
            for _ in range(3):
                response = await ask(plane, request(chat_body(), key=ADMIN_KEY, extra=pin))
                assert (response.headers["x-llmlb-node"], response.headers["x-llmlb-reason"]) == ("node-2", "pinned")
            seen = {(await ask(plane, request(chat_body(), extra=pin))).headers["x-llmlb-node"] for _ in range(2)}
            assert seen == {"node-1", "node-2"}

    run(scenario())


def test_a_chunked_request_body_is_served_too(fast: bool) -> None:
    async def scenario() -> None:
        async with nodes([stream("hi")])[0] as node, running_plane(node, fast=fast) as plane:
            body = chat_body(stream=True)
            response = await ask(plane, chunked_request(body))
            assert response.clean
            assert node.requests[0].endswith(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    run(scenario())


def test_a_close_delimited_answer_is_given_an_end(fast: bool) -> None:
    async def scenario() -> None:
        head = b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n"
        async with nodes([head + CHAT, CLOSE])[0] as node, running_plane(node, fast=fast) as plane:
            response = await ask(plane, request(chat_body()))
            assert (response.body, response.clean) == (CHAT, True)

    run(scenario())


def test_bytes_after_the_end_of_an_answer_never_reach_the_client(fast: bool) -> None:
    async def scenario() -> None:
        smuggled = answer(CHAT) + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
        bad, good = nodes([smuggled], [answer(CHAT)])
        async with bad, good, running_plane(bad, good, fast=fast) as plane:
            response = await ask(plane, request(chat_body()))
            assert response.body == CHAT
            assert response.headers["x-llmlb-node"] == "node-2"

    run(scenario())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"model":', "invalid_json"),
        (b"[" * 100_000 + b"]" * 100_000, "invalid_json"),
        (b'{"model":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid_json"),
        (b'{"model":"a","n":' + b"1" * 5000 + b"}", "invalid_json"),
        (b'{"model":"\xff"}', "invalid_json"),
        (b'{"model":"a","n":NaN}', "invalid_json"),
        (b'{"model":"a","s":"\\ud800"}', "invalid_json"),
        (b'{"model":"a","model":"b"}', "invalid_value"),
        (b'{"model":7}', "invalid_value"),
        (b"{}", "invalid_value"),
        (b"", "invalid_json"),
    ],
    ids=lambda value: repr(value[:30]),
)
@pytest.mark.parametrize("send", [request, chunked_request])
def test_a_hostile_body_is_400_and_reaches_nobody(
    fast: bool, send: Callable[[bytes], bytes], body: bytes, code: str
) -> None:
    async def scenario() -> None:
        if not body and send is chunked_request:
            return
        async with nodes([answer(CHAT)])[0] as node, running_plane(node, fast=fast) as plane:
            response = await ask(plane, send(body))
            assert response.status == 400
            assert response.json["error"]["code"] == code
            assert response.json["error"]["message"].endswith("Correct it and send it again.")
            assert node.requests == []

    run(scenario())


def test_messages_errors_have_anthropics_shape(fast: bool) -> None:
    async def scenario() -> None:
        async with nodes([answer(CHAT)])[0] as node, running_plane(node, fast=fast) as plane:
            response = await ask(plane, request(chat_body(model="none"), path="/v1/messages"))
            assert response.json == {
                "type": "error",
                "error": {"type": "not_found_error", "message": response.json["error"]["message"]},
            }

    run(scenario())


def test_a_draining_router_refuses_new_work_and_finishes_what_runs(fast: bool) -> None:
    async def scenario() -> None:
        steps: list[Step] = [STREAM_HEAD, ROLE, word("x"), WAIT, FINISH, DONE, END]
        async with nodes(steps)[0] as node, running_plane(node, fast=fast) as plane:
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(request(chat_body(stream=True)))
            while not node.requests:
                await asyncio.sleep(0.002)
            plane.plane.is_draining = True
            refused = await exchange(plane.port, request(chat_body()))
            assert refused.status == 503
            assert refused.headers["retry-after"]
            node.go.set()
            assert (await read_response(reader)).clean
            writer.close()
            await settle(plane)

    run(scenario())


def test_json_of_records_is_serialisable(fast: bool) -> None:
    """A record's fields stay plain values, whatever happened to its exchange."""

    async def scenario() -> None:
        async with nodes([RESET])[0] as node, running_plane(node, fast=fast) as plane:
            await ask(plane, request(chat_body()))
            record = plane.records[0]
            json.dumps({"reason": record.reason, "outcome": record.outcome, "status": record.status})

    run(scenario())


@pytest.mark.parametrize(
    ("body", "is_withheld"),
    [(b'{"error":{"message":"model \'llama-3.2-1b\' not found"}}', True), (b'{"detail":"Not Found"}', False)],
    ids=["model", "path"],
)
def test_a_node_that_denies_a_model_is_not_asked_for_it_again(fast: bool, body: bytes, is_withheld: bool) -> None:
    async def scenario() -> None:
        liar, honest = nodes([answer(body, status="404 Not Found")], [answer(CHAT)])
        async with liar, honest, running_plane(liar, honest, fast=fast) as plane:
            statuses = [(await ask(plane, request(chat_body()))).status for _ in range(10)]
            assert statuses.count(404) == (3 if is_withheld else 5)

    run(scenario())


def test_a_name_that_only_the_client_spells_so_takes_no_model_from_its_node(fast: bool) -> None:
    async def scenario() -> None:
        denial = answer(b'{"error":{"message":"model \'llama-3.2-1b:latest\' not found"}}', status="404 Not Found")
        node = ScriptedNode(lambda number: [denial if number < 6 else answer(CHAT)])
        async with node, running_plane(node, fast=fast) as plane:
            misspelt = request(chat_body(model="llama-3.2-1b:latest"))
            assert [(await ask(plane, misspelt)).status for _ in range(6)] == [404] * 6
            assert (await ask(plane, request(chat_body()))).status == 200

    run(scenario())


def test_an_earlier_response_that_is_gone_takes_no_model_from_its_node(fast: bool) -> None:
    async def scenario() -> None:
        gone = answer(b'{"error":{"message":"no response is called llama-3.2-1b"}}', status="404 Not Found")
        node = ScriptedNode(lambda number: [gone if number < 6 else answer(CHAT)])
        async with node, running_plane(node, fast=fast) as plane:
            lost = request(chat_body(previous_response_id="llama-3.2-1b"), path="/v1/responses")
            assert [(await ask(plane, lost)).status for _ in range(6)] == [404] * 6
            assert (await ask(plane, request(chat_body()))).status == 200

    run(scenario())


def test_a_key_for_some_models_gets_no_other_by_another_spelling_of_the_field(fast: bool) -> None:
    async def scenario() -> None:
        few = key_row("sk-test-few-models", models=(MODEL,))
        async with nodes([answer(CHAT)])[0] as node, running_plane(node, fast=fast, keys=(few,)) as plane:
            for name in ("Model", "MODEL", "m\\u004fdel"):
                body = chat_body().replace(b'{"model"', b'{"%b": "dear", "model"' % name.encode(), 1)
                response = await ask(plane, request(body, key="sk-test-few-models"))
                assert (response.status, response.json["error"]["code"]) == (400, "invalid_value"), name
            assert node.requests == []
            assert (await ask(plane, request(chat_body(), key="sk-test-few-models"))).status == 200

    run(scenario())
