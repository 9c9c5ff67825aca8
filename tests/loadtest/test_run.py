"""Whole runs against a scripted server that answers without delay: what is sent, and what comes of it."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from loadtest.scripted import Chat, Request, Server, serving, whole

from llmlb.errors import ClientError, RouterRefused, RouterUnreachable
from llmlb.loadtest.arrivals import Constant, Stage
from llmlb.loadtest.exchange import Deadlines
from llmlb.loadtest.gates import parse_gate
from llmlb.loadtest.plan import (
    CapacitySearch,
    ClosedLoop,
    Endpoint,
    OpenLoop,
    Pairs,
    Plan,
    Sessions,
    Sweep,
    Tenant,
    TraceReplay,
)
from llmlb.loadtest.prompts import BlockPrompts, SizedPrompts
from llmlb.loadtest.result import Result
from llmlb.loadtest.run import run
from llmlb.loadtest.tally import Progress
from llmlb.loadtest.target import Target
from llmlb.loadtest.taxonomy import Ending
from llmlb.loadtest.traces import TraceEntry

pytestmark = pytest.mark.usefixtures("busy_machine")

SHORT = Deadlines(connect_s=2, first_token_s=10, stall_s=10, total_s=10)
ROUTED = (("x-llmlb-reason", "least_active"), ("x-llmlb-overhead-ms", "0.5"), ("x-llmlb-queue-ms", "0"))
Script = Chat | Callable[[Request], Chat]


def play(script: Script, plan: Plan, *, then: Callable[[Server], None] = lambda server: None) -> Result:
    async def main() -> Result:
        async with serving(script) as server:
            found = await run(replace(plan, deadlines=SHORT), Target(server.url))
            then(server)
            return found

    return asyncio.run(main())


def ending_of(chat: Chat, **settings: object) -> tuple[Ending, str]:
    plan = Plan(ClosedLoop(users=1, requests=1), **settings)  # type: ignore[arg-type]  # a shorthand of these tests
    (record,) = play(chat, plan).records
    return record.ending, record.detail


def test_thirty_chats_at_once_are_thirty_answers_and_exit_code_zero() -> None:
    seen: list[Request] = []
    result = play(Chat(), Plan(), then=lambda server: seen.extend(server.chats))
    assert (result.summary.totals.ok, result.exit_code, result.model) == (30, 0, "m")
    assert len(seen) == 30
    assert len({str(request.body["messages"]) for request in seen}) == 30
    assert {request.body["stream"] for request in seen} == {True}
    assert result.summary.totals.output_tokens == 90


@pytest.mark.parametrize(
    ("chat", "ending"),
    [
        (Chat(), Ending.OK),
        (Chat(fault="empty"), Ending.OK_EMPTY),
        (Chat(finish_reason="length"), Ending.OK_LENGTH),
        (Chat(status=400), Ending.HTTP_4XX),
        (Chat(status=429, headers=(("retry-after", "2"),)), Ending.HTTP_429),
        (Chat(status=500), Ending.HTTP_500),
        (Chat(status=502), Ending.HTTP_502),
        (Chat(status=503), Ending.HTTP_503),
        (Chat(status=504), Ending.HTTP_504),
        (Chat(fault="error_event"), Ending.STREAM_ERROR_EVENT),
        (Chat(finish_reason="abort"), Ending.FINISH_ABORT),
        (Chat(fault="no_done"), Ending.TRUNCATED),
        (Chat(fault="close_mid_stream"), Ending.TRUNCATED),
        (Chat(fault="close_before_head"), Ending.TRUNCATED),
        (Chat(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"), Ending.BAD_SSE),
        (Chat(raw=whole(200, b"<html></html>")), Ending.BAD_SSE),
        (Chat(raw=b"SSH-2.0-OpenSSH_9\r\n"), Ending.BAD_SSE),
        (Chat(raw=b"HTTP/1.1 200 OK\r\nx: " + b"a" * 200_000), Ending.BAD_SSE),
        (Chat(fault="bad_line"), Ending.BAD_SSE),
        (Chat(fault="bad_json"), Ending.BAD_JSON),
    ],
)
def test_each_way_to_answer_ends_in_its_class(chat: Chat, ending: Ending) -> None:
    assert ending_of(chat)[0] is ending


def test_usage_that_contradicts_the_stream_fails_where_it_is_checked() -> None:
    assert ending_of(Chat(usage={"completion_tokens": 1}), checks_usage=True)[0] is Ending.WRONG_USAGE
    assert ending_of(Chat(usage=None), checks_usage=True)[0] is Ending.WRONG_USAGE
    assert ending_of(Chat(usage=None))[0] is Ending.OK


def test_hanging_up_on_purpose_is_seen_by_the_server_and_is_no_failure() -> None:
    result = play(Chat(gaps_s=[0] * 5000), Plan(ClosedLoop(users=2, requests=4), cancel_share=1.0))
    assert result.summary.totals.cancelled == 4
    assert result.exit_code == 0


def test_answers_that_are_not_streamed_are_measured_as_a_whole() -> None:
    result = play(Chat(), Plan(ClosedLoop(users=2, requests=4), streamed=False))
    assert result.summary.totals.ok == 4
    assert len(result.summary.times["ttft"]) == 0
    assert len(result.summary.times["e2e"]) == 4
    assert ending_of(Chat(raw=whole(200, b"oops")), streamed=False)[0] is Ending.BAD_JSON
    half = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"
    assert ending_of(Chat(raw=half), streamed=False)[0] is Ending.TRUNCATED


def test_an_answer_that_ends_with_the_connection_is_an_answer() -> None:
    body = b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}'
    raw = b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n" + body
    assert ending_of(Chat(raw=raw), streamed=False)[0] is Ending.OK


def test_the_completions_endpoint_gets_a_prompt() -> None:
    seen: list[Request] = []
    plan = Plan(ClosedLoop(users=1, requests=1), endpoint=Endpoint.COMPLETIONS)
    play(Chat(), plan, then=lambda server: seen.extend(server.chats))
    assert seen[0].path == "/v1/completions"
    assert isinstance(seen[0].body["prompt"], str)


def test_connections_are_kept_and_a_closed_one_is_replaced_without_a_failure() -> None:
    seen: list[int] = []
    script = [Chat(), Chat(fault="close_before_head"), Chat(), Chat()]
    plan = Plan(ClosedLoop(users=1, requests=3))
    result = play(lambda request: script[request.number], plan, then=lambda s: seen.append(len(s.chats)))
    assert result.summary.totals.ok == 3
    assert result.summary.totals.reconnects == 1
    assert seen == [4]
    assert result.honesty.sockets == 2


def test_routing_is_read_from_the_headers_and_cleaned() -> None:
    def script(request: Request) -> Chat:
        evil = (("x-llmlb-node", f"node-{request.number % 2}"), ("x-llmlb-attempts", "2"), *ROUTED)
        return Chat(headers=evil if request.number else (("x-llmlb-node", "n\u202e9"), ("x-llmlb-attempts", "nan")))

    balance = play(script, Plan(ClosedLoop(users=1, requests=9))).summary.balance
    assert [node.node for node in balance.nodes] == ["n9", "node-0", "node-1"]
    assert balance.retries == balance.failovers == 8
    assert [(reason.reason, reason.requests) for reason in balance.reasons] == [("least_active", 8)]


def test_the_word_before_a_semicolon_is_the_reason() -> None:
    headers = (("x-llmlb-node", "n1"), ("x-llmlb-reason", "least_wait;cost=0.31;margin=2"))
    balance = play(Chat(headers=headers), Plan(ClosedLoop(users=1, requests=2))).summary.balance
    assert [(reason.reason, reason.requests) for reason in balance.reasons] == [("least_wait", 2)]


def test_each_tenant_sends_with_its_own_key_and_its_part_of_the_users() -> None:
    async def main(load: ClosedLoop | OpenLoop | Sessions) -> tuple[Result, Counter[str]]:
        async with serving(Chat()) as server:
            keys = (("a", "sk-a"), ("c", "sk-c"))
            plan = Plan(load, tenants=(Tenant("a", 1.0), Tenant("c", 3.0)), deadlines=SHORT)
            result = await run(plan, Target(server.url, api_key="sk-0", tenant_keys=keys))
            return result, Counter(request.headers["authorization"] for request in server.chats)

    result, sent = asyncio.run(main(ClosedLoop(users=4, requests=40)))
    assert sent.keys() == {"Bearer sk-a", "Bearer sk-c"}
    assert sent["Bearer sk-c"] > 2 * sent["Bearer sk-a"]
    got = {f"Bearer sk-{each.tenant}": each.good for each in result.summary.fairness.tenants}
    assert got == sent
    result, sent = asyncio.run(main(OpenLoop(Constant(), (Stage(0.1, 2000, 2000),))))
    assert sent["Bearer sk-c"] > 2 * sent["Bearer sk-a"] > 0
    assert {record.label.tenant for record in result.records} == {"a", "c"}
    result, _ = asyncio.run(main(Sessions(sessions=8, turns=2, users=4)))
    by_session = {(record.label.session, record.label.tenant) for record in result.records}
    assert len(by_session) == 8


def test_tenants_without_keys_are_told_to_be_indistinguishable() -> None:
    tenants = (Tenant("a", 1.0), Tenant("b", 1.0))
    assert "cannot tell them apart" in play(Chat(), Plan(ClosedLoop(2, 4), tenants=tenants)).notes[0]


def test_failures_without_a_gate_are_exit_code_nine_and_a_gate_outranks() -> None:
    plan = Plan(ClosedLoop(users=1, requests=2))
    assert play(Chat(status=503), plan).exit_code == 9
    assert play(Chat(status=503), replace(plan, gates=(parse_gate("errors>0"),))).exit_code == 10
    assert play(Chat(status=503), replace(plan, gates=(parse_gate("errors>5"),))).exit_code == 0


def test_an_open_loop_sends_its_schedule_and_names_its_stages() -> None:
    stages = (Stage(0.05, 200, 200), Stage(0.05, 400, 400))
    result = play(Chat(), Plan(OpenLoop(Constant(), stages)))
    assert [phase.summary.totals.ok for phase in result.phases] == [10, 20]
    assert result.phases[1].name == "400/s for 0.05 s"
    assert [record.label.index for record in sorted(result.records, key=lambda r: r.scheduled_at_s)] == list(range(30))


def test_a_ramp_is_sent_but_not_counted() -> None:
    stages = (Stage(0.05, 0, 200), Stage(0.05, 200, 200))
    result = play(Chat(), Plan(OpenLoop(Constant(), stages, warm_up_stages=1)))
    assert (len(result.records), result.summary.totals.scheduled) == (15, 10)


def test_warm_up_requests_are_sent_first_and_not_counted() -> None:
    result = play(Chat(), Plan(ClosedLoop(users=2, requests=3), warm_up=4))
    assert (len(result.records), result.summary.totals.scheduled) == (7, 3)


def test_a_sweep_plays_one_phase_per_number_of_users() -> None:
    result = play(Chat(), Plan(Sweep(users=(1, 4), requests=2)))
    assert [(p.name, p.summary.totals.ok) for p in result.phases] == [("1 user", 2), ("4 users", 4)]


def test_a_trace_is_replayed_with_its_lengths_and_blocks() -> None:
    entries = tuple(TraceEntry(0.01 * i, 600, 5 + i, (0, i)) for i in range(4))
    seen: list[Request] = []
    blocks = BlockPrompts(tuple((e.input_tokens, e.output_tokens, e.block_ids) for e in entries))
    plan = Plan(TraceReplay(entries, speed=2.0), prompts=blocks, ignore_eos=True)
    result = play(Chat(), plan, then=lambda server: seen.extend(server.chats))
    assert result.summary.totals.ok == 4
    assert sorted(str(request.body["max_tokens"]) for request in seen) == ["5", "6", "7", "8"]
    assert all(request.body["ignore_eos"] is True for request in seen)
    texts = [str(request.body["messages"])[:2000] for request in seen]
    assert len(set(texts)) == 1


def test_turns_carry_the_real_answers_and_show_the_affinity() -> None:
    seen: list[Request] = []
    nodes = Counter[str]()

    def script(request: Request) -> Chat:
        messages = request.body["messages"]
        assert isinstance(messages, list)
        node = f"node-{len(messages) // 4}"
        nodes[node] += 1
        return Chat(text=f"answer{request.number} ", headers=(("x-llmlb-node", node),))

    plan = Plan(Sessions(sessions=3, turns=3, users=2), prompts=SizedPrompts(40, shared_prefix=0.5))
    result = play(script, plan, then=lambda server: seen.extend(server.chats))
    assert result.summary.totals.ok == 9
    longest = max((request.body["messages"] for request in seen), key=lambda m: len(m) if isinstance(m, list) else 0)
    assert isinstance(longest, list)
    assert [message["role"] for message in longest] == ["system", *["user", "assistant"] * 2, "user"]
    assert longest[2]["content"].startswith("answer")
    assert result.summary.balance.affinity == pytest.approx(0.5)


def test_a_conversation_ends_with_its_first_failure() -> None:
    result = play(Chat(status=503), Plan(Sessions(sessions=2, turns=4, users=1)))
    assert result.summary.totals.failed == 2


def test_pairs_go_to_both_sides_with_the_same_prompt_but_for_the_nonce() -> None:
    async def main() -> tuple[Result, Server, Server]:
        async with serving(Chat(headers=(("x-llmlb-node", "n1"),))) as ours, serving(Chat()) as theirs:
            opponent = Target(theirs.url, pin="n1")
            result = await run(Plan(Pairs(12)), Target(ours.url, api_key="sk-a"), opponents=[opponent])
            return result, ours, theirs

    result, ours, theirs = asyncio.run(main())
    assert result.pairing is not None
    assert (result.pairing.pairs, result.pairing.dropped, result.pairing.misrouted) == (12, 0, 0)
    assert result.opponent is not None
    assert result.opponent.totals.ok == result.summary.totals.ok == 12
    assert {request.headers.get("x-llmlb-pin") for request in ours.chats} == {"n1"}
    assert {request.headers.get("x-llmlb-pin") for request in theirs.chats} == {None}
    prompts = [sorted(text(request).partition("] ")[2] for request in server.chats) for server in (ours, theirs)]
    assert prompts[0] == prompts[1]
    assert not {text(request) for request in ours.chats} & {text(request) for request in theirs.chats}


def text(request: Request) -> str:
    messages = request.body["messages"]
    assert isinstance(messages, list)
    return str(messages[0]["content"])


def test_a_fleet_that_refuses_everything_has_no_capacity() -> None:
    load = CapacitySearch(start_per_s=100, step_s=0.1, tolerance=1.0)
    result = play(Chat(status=503), Plan(load))
    assert result.capacity is not None
    assert result.capacity.rate_per_s is None
    assert result.exit_code == 0


def test_the_same_seed_sends_the_same_requests() -> None:
    def bodies(seed: int) -> list[str]:
        seen: list[Request] = []
        play(Chat(), Plan(ClosedLoop(users=3, requests=8), seed=seed), then=lambda s: seen.extend(s.chats))
        return sorted(str(request.body) for request in seen)

    assert bodies(5) == bodies(5)
    assert bodies(5) != bodies(6)


def test_stopping_keeps_what_is_there_and_hangs_up_on_the_rest() -> None:
    async def main() -> Result:
        def script(request: Request) -> Chat:
            if request.number == 5:
                stop.set()
            return Chat(fault="hang") if request.number >= 5 else Chat()

        stop = asyncio.Event()
        async with serving(script) as server:
            plan = Plan(ClosedLoop(users=2, requests=100))
            return await run(plan, Target(server.url), stop=stop)

    result = asyncio.run(main())
    assert result.interrupted
    assert result.exit_code == 130
    assert result.summary.totals.ok == 5
    assert result.summary.totals.cancelled >= 1
    assert result.summary.totals.failed == 0


def test_progress_is_told_and_holds_every_request_once() -> None:
    seen: list[Progress] = []

    async def main() -> None:
        async with serving(Chat()) as server:
            await run(Plan(ClosedLoop(users=2, requests=7)), Target(server.url), on_progress=seen.append)

    asyncio.run(main())
    assert sum(len(progress.ended) for progress in seen) == 7
    assert (seen[-1].done, seen[-1].ok, seen[-1].in_flight, seen[-1].planned) == (7, 7, 0, 7)


def test_a_server_that_is_not_there_is_unreachable_before_anything_is_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RouterUnreachable, match="refused"):
        asyncio.run(run(Plan(), Target(f"http://127.0.0.1:{port}")))


def test_a_server_that_goes_away_after_the_start_is_exit_code_three() -> None:
    async def main() -> Result:
        server = Server(lambda request: Chat())
        await server.start()
        plan = Plan(ClosedLoop(users=1, requests=2), deadlines=SHORT)

        async def leave() -> None:
            while not server.others:
                await asyncio.sleep(0)
            await server.close()

        leaving = asyncio.create_task(leave())
        result = await run(plan, Target(server.url))
        await leaving
        return result

    result = asyncio.run(main())
    assert {record.ending for record in result.records} <= {Ending.CONNECT_REFUSED, Ending.TRUNCATED}


def test_a_server_without_models_asks_for_one_and_a_wrong_key_is_told() -> None:
    async def main(replies: dict[str, tuple[int, object]]) -> None:
        async with serving(Chat()) as server:
            server.replies.update(replies)
            await run(Plan(), Target(server.url))

    with pytest.raises(ClientError, match="lists no model"):
        asyncio.run(main({"GET /v1/models": (200, {"data": []})}))
    with pytest.raises(RouterRefused, match="401"):
        asyncio.run(main({"GET /v1/models": (401, {"error": {"message": "no key"}})}))


def test_plain_http_behind_an_https_address_is_a_tls_failure() -> None:
    async def main() -> Result:
        async with serving(Chat()) as server:
            secure = replace(Target(server.url), url=server.url.replace("http:", "https:"))
            return await run(Plan(ClosedLoop(users=1, requests=1), model="m", deadlines=SHORT), secure)

    with pytest.raises(RouterUnreachable):
        asyncio.run(main())
