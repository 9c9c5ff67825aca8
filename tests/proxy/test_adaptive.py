"""``adaptive`` behind the data path; every test runs on the fast path and on the ASGI path."""

from __future__ import annotations

import asyncio
import json

from fakes.node import ROLE, STREAM_HEAD, WAIT, ScriptedNode, Step, stream, word
from fakes.plane import KEY, MODEL, chat_body, exchange, request, run, running_plane

from llmlb.core.choice import Objective
from llmlb.policies.adaptive import AdaptivePolicy


def conversation(turns: int) -> bytes:
    """A chat that has grown by a turn each time."""
    messages = [{"role": "user", "content": f"turn {turn} " + "words " * 700} for turn in range(turns)]
    return chat_body(stream=True, messages=messages)


def test_a_conversation_stays_where_its_beginning_was_read(fast: bool) -> None:
    async def scenario() -> None:
        nodes = [ScriptedNode(lambda _: [stream("a", "b", "c", "d", "e", "f")]) for _ in range(3)]
        async with nodes[0], nodes[1], nodes[2], running_plane(*nodes, fast=fast) as plane:
            plane.plane.balancer.policy = AdaptivePolicy()
            for number in range(12):  # until all of them are known, the unknown ones are tried
                await exchange(plane.port, request(chat_body(stream=True, user=f"{number}")))
            first = await exchange(plane.port, request(conversation(1)))
            for turns in range(2, 6):
                later = await exchange(plane.port, request(conversation(turns)))
                assert later.headers["x-llmlb-node"] == first.headers["x-llmlb-node"]
                assert ";cost=" in later.headers["x-llmlb-reason"]
            assert len(plane.records[-1].costs) == 3

    run(scenario())


def test_whom_nobody_can_serve_in_time_is_sent_away_with_a_time_to_come_back(fast: bool) -> None:
    async def scenario() -> None:
        async with ScriptedNode(lambda _: [stream("a")]) as node, running_plane(node, fast=fast) as plane:
            policy = plane.plane.balancer.policy = AdaptivePolicy()
            asked: list[tuple[str, str]] = []

            def objective_for(model: str, key_name: str) -> Objective:
                asked.append((model, key_name))
                return Objective(ttft_s=2.0, tpot_s=1.0)

            plane.plane.objective_for = objective_for
            served = await exchange(plane.port, request(chat_body()))
            assert served.status == 200
            policy.shed = lambda *_: 3.2  # type: ignore[method-assign]  # as if everybody were busy
            refused = await exchange(plane.port, request(chat_body()))
            assert (refused.status, refused.headers["retry-after"]) == (429, "3")
            assert json.loads(refused.body)["error"]["code"] == "objective_out_of_reach"
            assert asked[0][0] == MODEL
            assert KEY not in asked[0]
            plane.assert_quiet()

    run(scenario())


def test_a_stream_is_on_its_node_until_it_ends_and_not_until_its_headers(fast: bool) -> None:
    async def scenario() -> None:
        script: list[Step] = [STREAM_HEAD, ROLE, word("x"), WAIT]
        async with ScriptedNode(lambda _: script) as node, running_plane(node, fast=fast) as plane:
            policy = plane.plane.balancer.policy = AdaptivePolicy()
            reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
            writer.write(request(chat_body(stream=True)))
            await reader.readuntil(word("x"))
            (work,) = policy._works.values()
            assert (work.in_flight, plane.nodes[0].in_flight) == (1, 1)
            writer.close()
            while work.in_flight:
                await asyncio.sleep(0.002)
            assert plane.nodes[0].in_flight == 0

    run(scenario())
