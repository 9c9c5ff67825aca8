"""Nodes that answer, but slowly, wrongly, or with an error."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path

import pytest
from fakes.fault_client import ANSWERED, FAILED, Answer, Asker, during, many, percentile_s
from fakes.fault_site import FaultSite, control
from fakes.haproxy import Haproxy

from llmlb.policies import POLICIES

pytestmark = pytest.mark.system


@pytest.mark.parametrize("mode", [mode for mode in POLICIES if mode != "round_robin"])
def test_f5_a_node_ten_times_slower_gets_a_tenth_of_the_work_at_most(site: FaultSite, mode: str) -> None:
    even = ["sleep:0.02", "answer:8"]
    play = {"*": even, "b": ["sleep:0.2", "answer:8"]}
    site.router.call("PUT", "/v0/settings/load-balancer", json={"mode": mode})
    try:
        # The request records, of which the router keeps two thousand, still fill.
        with site.row(f"F5 ten times slower, {mode}", rss_percent=15.0) as row:
            usual = row.take(asyncio.run(during(row.asker(), 12, 1.5, [], play={"*": even})))
            answers = row.take(asyncio.run(during(row.asker(), 12, 3.0, [], play=play)))
            share = Counter(answer.node for answer in answers)[row.id_of("b")] / len(answers)
            ratio = percentile_s(answers, 95) / percentile_s(usual, 95)
            row.tally.note = f"share {share:.1%}, p95 {ratio:.2f} times the usual"
            assert row.tally.counts[FAILED] == 0
            assert share <= 0.10
    finally:
        site.router.call("PUT", "/v0/settings/load-balancer", json={"mode": "metrics"})


def test_f6_a_black_hole_is_not_preferred_for_answering_fast(usual: FaultSite, tmp_path: Path) -> None:
    play = {"*": ["sleep:0.02", "answer:8"], "a": ["status:500"]}
    with usual.row("F6 answers 500 at once") as row:
        # Retries are a share of the requests of the last seconds: there must have been some.
        row.take(asyncio.run(many(lambda _: row.asker().ask(), 100, at_once=8)))
        answers = row.take(asyncio.run(during(row.asker(), 8, 3.0, [], play=play)))
        reached = sum(b"status:500" in request["body"].encode() for request in row.nodes["a"].requests())
        row.tally.note = f"{reached} reached it"
        assert row.tally.counts[FAILED] == 0
        assert 5 <= reached <= 12, "five failures open its circuit; the rest are those under way and its probes"
        assert len(answers) > 100
    with Haproxy(tmp_path, [usual.nodes[key].port for key in "abc"]) as haproxy:
        theirs = control("F6", asyncio.run(during(Asker(haproxy.port, "", "m"), 8, 3.0, [], play=play)))
    assert row.tally.counts[FAILED] <= theirs.counts[FAILED]


@pytest.mark.parametrize("status", [429, 503])
def test_f7_a_node_that_asks_for_rest_gets_it_and_nobody_notices(site: FaultSite, status: int) -> None:
    with site.row(f"F7 one node {status}") as row:
        asker = row.asker()
        play = {"a": [f"status:{status}:1"]}
        row.take(asyncio.run(during(asker, 6, 1.0, [], play=play)))
        assert row.tally.counts[FAILED] == 0
        node = row.node("a")
        row.tally.note = f"{node['total_requests']} reached it"
        assert 1 <= node["total_requests"] <= 2 * 6
        assert (node["circuit"], node["failed_requests"]) == ("closed", 0)


def test_f7_when_all_nodes_are_busy_the_client_learns_the_shortest_rest(site: FaultSite) -> None:
    with site.row("F7 all nodes 429") as row:
        plays = {"a": ["status:429:9"], "b": ["status:429:2"], "c": ["status:429:7"]}
        answer = row.take([asyncio.run(row.asker().ask(play=plays))])[0]
        assert (answer.status, answer.headers["retry-after"], answer.error) == (429, "2", "nodes_busy")
        # They rest now; the fresh request of the invariants must not have to wait for that.
        for key in row.nodes:
            site.router.leave(row.id_of(key))
            site.router.join(row.id_of(key), row.nodes[key].url, row.model)
        row.tally.counts.clear()


def test_retries_stay_within_their_budget_when_every_node_fails(usual: FaultSite) -> None:
    with usual.row("retry budget, every node 500") as row:
        asker = row.asker()
        play = {"*": ["status:500"]}
        # The requests of the rows before have filled the budget; use that up first.
        while row.take([asyncio.run(asker.ask(play=play))])[0].headers.get("x-llmlb-attempts") != "1":
            assert row.tally.sent < 1_000, "every failure is retried"
        spent = sum(len(node.requests()) for node in row.nodes.values())
        row.take(asyncio.run(many(lambda _: asker.ask(play=play), 200, at_once=4)))
        attempts = sum(len(node.requests()) for node in row.nodes.values()) - spent
        row.tally.note = f"{attempts} attempts for the last 200"
        assert set(row.tally.counts) == {FAILED}
        assert attempts <= 1.25 * 200 + 3


BEFORE_CONTENT = {
    "closes": ["close"],
    "resets": ["reset"],
    "half a head": ["bytes:HTTP/1.1 200 OK\r\ncontent-le", "close"],
    "no HTTP": ["bytes:\x16\x03\x01 this is no HTTP \x00\r\n\r\n", "close"],
    "two lengths": ["bytes:HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", "hang"],
    "length and chunks": [
        "bytes:HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "hang",
    ],
    "bad chunk size": ["head", "bytes:zz\r\n", "hang"],
    "less than its length": ["bytes:HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}", "close"],
    "more than its length": ["bytes:HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}junk", "hang"],
    "switches protocols": ["bytes:HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", "hang"],
    "a head without end": ["bytes:HTTP/1.1 200 OK\r\nx-filler: " + "x" * 70_000, "hang"],
    "an error in a 200": ["head", 'event:{"error":{"message":"engine died","code":500}}', "event:[DONE]", "end"],
    "a polite abort": ["head", 'event:{"choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}', "end"],
    "an empty stream": ["head", "end"],
    "resets after its head": ["head", "reset"],
    "a redirect": ["bytes:HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"],
}

AFTER_CONTENT = {
    "closes": ["close"],
    "resets": ["reset"],
    "closes half": ["half_close"],
    "ends without [DONE]": ["end"],
    "ends with a finish and without [DONE]": [
        'event:{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
        "end",
    ],
    "ends with [DONE] and without a finish": ["event:[DONE]", "end"],
    "an error event and a clean end": ['event:{"error":{"message":"engine died"}}', "event:[DONE]", "end"],
    "a polite abort": ['event:{"choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}', "event:[DONE]", "end"],
    "bad chunk size": ["bytes:zz\r\n", "hang"],
    "stops inside a chunk": ["bytes:40\r\ndata: {", "close"],
    "stops inside an event": ['chunk:data: {"choices":[{"index":0,"del', "close"],
    "an event without end": ["flood_line:1.2", "hang"],
}

_DELTA = '{"choices":[{"index":0,"delta":{"content":"%s "},"finish_reason":null}]}'
_END = ['event:{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}', "event:[DONE]", "end"]
_HEAD = "bytes:HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

UNUSUAL = {
    "an interim head first": ["bytes:HTTP/1.1 100 Continue\r\n\r\n", "head", "words:8", "finish", "end"],
    "comments between": ["head", "words:4", "chunk:: ping\n\n", "words:4", "finish", "end"],
    "a head byte by byte": ["drip:0.001:" + _HEAD[6:], "words:8", "finish", "end"],
    "no role, empty choices": [_HEAD, 'event:{"choices":[]}', "words:8", *_END],
    "an event in two chunks": [
        "head",
        'chunk:data: {"choices":[{"index":0,"delta',
        'chunk:":{}}]}\n\n',
        "words:8",
        *_END,
    ],
    "data after the end mark": ["head", "words:8", *_END[:-1], "chunk:: bye\n\n", "end"],
}


@pytest.mark.parametrize("chunked", [False, True], ids=["direct", "asgi"])
def test_a_bad_answer_without_content_is_replaced_by_another_nodes(site: FaultSite, chunked: bool) -> None:
    path = "asgi" if chunked else "direct"
    with site.row(f"bad answers before content, {path}", nodes="ab") as row:
        asker = row.asker(chunked=chunked)

        async def meets_it(steps: list[str]) -> bool:
            tries = 0
            met = False
            while not met and tries < 3:
                answer = row.take([await asker.ask(stream=True, play={"a": steps})])[0]
                met = answer.headers.get("x-llmlb-attempts") == "2"
                tries += 1
            # In between it answers well, so that its circuit stays closed and the next fault meets it too.
            row.take(await many(lambda _: asker.ask(), 20, at_once=1))
            return met

        for name, steps in BEFORE_CONTENT.items():
            assert asyncio.run(meets_it(steps)), f"{name}: the node was not asked, or its answer was taken"
            assert set(row.tally.counts) == {ANSWERED}, name


@pytest.mark.parametrize("chunked", [False, True], ids=["direct", "asgi"])
def test_a_stream_that_goes_bad_after_content_breaks_and_never_ends_cleanly(site: FaultSite, chunked: bool) -> None:
    path = "asgi" if chunked else "direct"
    with site.row(f"bad answers after content, {path}") as row:
        asker = row.asker(chunked=chunked)

        async def scenario() -> None:
            plays = {name: {"*": ["head", "words:3", "sleep:0.1", *steps]} for name, steps in AFTER_CONTENT.items()}
            asks = [asker.ask(stream=True, words=8, play=play) for play in plays.values()]
            for name, answer in zip(plays, row.take(await asyncio.gather(*asks)), strict=True):
                assert (answer.ending, answer.clean) == (FAILED, False), f"{name}: {answer}"
                assert answer.text == "w0 w1 w2 ", name
                assert b"[DONE]" not in answer.body, name

        asyncio.run(scenario())


@pytest.mark.parametrize("chunked", [False, True], ids=["direct", "asgi"])
def test_an_unusual_answer_is_no_failure(site: FaultSite, chunked: bool) -> None:
    path = "asgi" if chunked else "direct"
    with site.row(f"unusual answers, {path}") as row:
        asker = row.asker(chunked=chunked)

        async def scenario() -> None:
            for name, steps in UNUSUAL.items():
                answer = row.take([await asker.ask(stream=True, play={"*": steps})])[0]
                assert answer.ending == ANSWERED, f"{name}: {answer}"
                assert answer.headers["x-llmlb-attempts"] == "1", name

        asyncio.run(scenario())


def test_f40_an_unknown_model_is_404_at_once_and_a_known_one_without_nodes_503(site: FaultSite) -> None:
    with site.row("F40 model nowhere") as row:
        asker = row.asker()
        asker.model = "never-heard-of"
        answers = [asyncio.run(asker.ask()) for _ in range(20)]
        assert {(answer.status, answer.error) for answer in answers} == {(404, "model_not_found")}
        assert sorted(answer.seconds for answer in answers)[10] < 0.02
        assert not any(node.requests() for node in row.nodes.values())
        row.take([asyncio.run(row.asker().ask())])
        for key in row.nodes:
            site.router.beat(row.id_of(key), leaving=True)
        started_s = time.monotonic()
        gone = row.take([asyncio.run(row.asker().ask())])[0]
        assert (gone.status, gone.error) == (503, "no_node_available")
        assert 1 <= int(gone.headers["retry-after"]) <= 5
        assert time.monotonic() - started_s < 1.5
        for key in row.nodes:
            time.sleep(0.35)
            site.router.beat(row.id_of(key))


LIES = (
    ({"active_requests": -1}, "active_requests"),
    ({"active_requests": 10**30}, "active_requests"),
    ({"gpu_metrics": {"usage": 400.0, "vram_usage": 1.0}}, "usage"),
    ({"gpu_metrics": {"usage": "NaN", "vram_usage": 1.0}}, "usage"),
    ({"loaded_models": "all"}, "loaded_models"),
    ({"max_concurrency": -5}, "max_concurrency"),
)


def test_f41_a_node_that_lies_is_refused_and_nothing_of_it_is_kept(site: FaultSite) -> None:
    with site.row("F41 lies", nodes="a") as row:
        before = row.node("a")
        for words, field in LIES:
            answer = site.router.beat(row.id_of("a"), capability_score=999_999, **words)
            assert answer.status_code == 422
            assert field in answer.text
        after = row.node("a")
        assert after["capability_score"] == before["capability_score"] != 999_999
        assert (after["active_requests"], after["heartbeats"]) == (0, before["heartbeats"])
        row.tally.note = f"{len(LIES)} heartbeats refused"


def test_f41_a_node_that_denies_having_its_model_is_not_asked_for_it_again(site: FaultSite) -> None:
    with site.row("F41 denies its model", nodes="ab") as row:
        body = json.dumps({"error": {"message": f"model {row.model} not found", "code": "model_not_found"}})
        denial = f"bytes:HTTP/1.1 404 Not Found\r\ncontent-length: {len(body)}\r\n\r\n{body}"
        answers = row.take(asyncio.run(many(lambda _: row.asker().ask(play={"a": [denial]}), 30, at_once=1)))
        denied = [answer for answer in answers if answer.status == 404]
        row.tally.note = f"{len(denied)} clients saw the denial"
        assert len(denied) == 3
        assert row.tally.counts[ANSWERED] == 27


def test_f42_a_request_that_kills_nodes_takes_two_of_them_at_most(site: FaultSite) -> None:
    with site.row("F42 poison", nodes="abcd") as row:
        asker = row.asker()

        async def scenario() -> Answer:
            # On connections that were used before, its deaths look like idle connections being closed.
            usual = {"*": ["sleep:0.1", "answer:8"]}
            row.take(await many(lambda _: asker.ask(play=usual), 12, at_once=12))
            return await asker.ask(play={"*": ["die"]})

        answer = row.take([asyncio.run(scenario())])[0]
        time.sleep(0.2)
        alive = sum(node.is_running for node in row.nodes.values())
        row.tally.note = f"{4 - alive} of 4 nodes lost"
        assert (answer.status, answer.headers["x-should-retry"]) == (502, "false")
        assert alive == 2
