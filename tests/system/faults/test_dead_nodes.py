"""Nodes that die, hang, refuse or vanish. Each row where HAProxy can take part compares us with it."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest
from fakes.fault_client import ANSWERED, FAILED, Answer, Asker, during, many, percentile_s
from fakes.fault_site import FaultSite, control
from fakes.haproxy import Haproxy

pytestmark = pytest.mark.system


def test_f1_a_node_killed_before_its_first_byte_costs_no_client_anything(usual: FaultSite, tmp_path: Path) -> None:
    play = {"*": ["sleep:0.05", "answer:8"]}
    node = usual.nodes["a"]
    events = [(1.0, node.kill), (1.8, node.start)]
    with usual.row("F1 killed before the first byte") as row:
        answers = row.take(asyncio.run(during(row.asker(), 30, 2.8, events, play=play)))
        assert row.tally.counts[FAILED] == 0
        assert percentile_s(answers, 99) < 1.0
        failed = usual.router.node(row.id_of("a"))["failed_requests"]
        row.tally.note = f"{failed:.0f} of them met the dead node"
        assert failed > 0
    ports = [usual.nodes[key].port for key in "abc"]
    with Haproxy(tmp_path, ports) as haproxy:
        answers = asyncio.run(during(Asker(haproxy.port, "", "m"), 30, 2.8, events, play=play))
    theirs = control("F1", answers)
    assert row.tally.counts[FAILED] <= theirs.counts[FAILED]


def test_f2_streams_of_a_killed_node_break_visibly_and_no_others_do(site: FaultSite, tmp_path: Path) -> None:
    node = site.nodes["a"]
    what = {"stream": True, "words": 60, "play": {"*": ["head", "words:60:0.02", "finish", "end"]}}

    async def streams(asker: Asker) -> list[Answer]:
        running = asyncio.gather(*(asker.ask(**what) for _ in range(150)))  # type: ignore[arg-type]
        async with asyncio.timeout(20):
            while (await asyncio.to_thread(node.state))["running"] < 50:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.4)
        node.kill()
        return await running

    with site.row("F2 killed in mid-stream") as row:
        answers = row.take(asyncio.run(streams(row.asker())))
        broken = [answer for answer in answers if answer.node == row.id_of("a")]
        assert len(broken) == 50
        assert {(answer.ending, answer.error, answer.clean) for answer in broken} == {(FAILED, "node_lost", False)}
        assert not any(b"[DONE]" in answer.body for answer in broken)
        assert row.tally.counts == {ANSWERED: 100, FAILED: 50}
    node.restart()
    with Haproxy(tmp_path, [site.nodes[key].port for key in "abc"]) as haproxy:
        answers = asyncio.run(streams(Asker(haproxy.port, "", "m")))
    theirs = control("F2", answers)
    assert row.tally.counts[FAILED] <= theirs.counts[FAILED]


def test_f3_a_node_that_accepts_and_never_answers_delays_a_few_and_fails_nobody(
    site: FaultSite, tmp_path: Path
) -> None:
    node = site.nodes["b"]
    events = [(0.5, lambda: node.signal(signal.SIGSTOP)), (2.2, lambda: node.signal(signal.SIGCONT))]
    what = {"stream": True, "play": {"*": ["sleep:0.03", "head", "words:8", "finish", "end"]}}
    with site.row("F3 hangs") as row:
        answers = row.take(asyncio.run(during(row.asker(), 24, 2.6, events, **what)))
        stuck = sum(answer.seconds > 0.9 for answer in answers)
        row.tally.note = f"{stuck} stuck, p99 {percentile_s(answers, 99):.2f} s"
        assert row.tally.counts[FAILED] == 0
        assert max(answer.seconds for answer in answers) < 3.0
        assert 0 < stuck <= 2 * 24 / 3 + 10, "more than twice its share, and the probes of its circuit, got stuck"
    with Haproxy(tmp_path, [site.nodes[key].port for key in "abc"], server_timeout_s=1.0) as haproxy:
        answers = asyncio.run(during(Asker(haproxy.port, "", "m"), 24, 2.6, events, **what))
    theirs = control("F3", answers)
    theirs.note = f"{sum(answer.seconds > 0.9 for answer in answers)} stuck, p99 {percentile_s(answers, 99):.2f} s"
    assert row.tally.counts[FAILED] <= theirs.counts[FAILED]


STALLS = {"silence": ["hang"], "comments": ["ping"], "lost packets": ["mute", "hang"], "half a close": ["half_close"]}


def test_f4_a_stream_that_stalls_ends_with_an_error_and_comments_do_not_save_it(site: FaultSite) -> None:
    with site.row("F4 stalls") as row:
        asker = row.asker()
        plays = [{"*": ["head", "words:5", *stall]} for stall in STALLS.values() for _ in range(10)]

        async def scenario() -> list[Answer]:
            return await asyncio.gather(*(asker.ask(stream=True, play=play) for play in plays))

        answers = row.take(asyncio.run(scenario()))
        assert {(answer.ending, answer.error, answer.clean) for answer in answers} == {(FAILED, "node_lost", False)}
        assert max(answer.seconds for answer in answers) < 3.0
        assert sum(row.node(key)["failed_requests"] for key in row.nodes) == len(plays)


def test_f8_a_refused_connection_costs_nothing_and_the_node_is_back_soon(site: FaultSite, tmp_path: Path) -> None:
    node = site.nodes["c"]
    with site.row("F8 refuses") as row:
        asker = row.asker()
        node.kill()
        answers = row.take(asyncio.run(many(lambda _: asker.ask(), 300, at_once=10)))
        refused = [answer for answer in answers if answer.headers["x-llmlb-attempts"] != "1"]
        assert row.tally.counts == {ANSWERED: 300}
        assert refused
        row.tally.note = f"{len(refused)} were refused once"
        assert len(refused) < 40
        node.restart()
        started_s = time.monotonic()
        while row.take([asyncio.run(asker.ask())])[0].node != row.id_of("c"):
            assert time.monotonic() - started_s < 3.0, "the node is up again and gets no work"
    node.kill()
    with Haproxy(tmp_path, [site.nodes[key].port for key in "abc"]) as haproxy:
        answers = asyncio.run(many(lambda _: Asker(haproxy.port, "", "m").ask(), 300, at_once=10))
    node.restart()
    theirs = control("F8", answers)
    assert row.tally.counts[FAILED] <= theirs.counts[FAILED]


def test_f10_and_f11_a_peer_that_vanishes_is_noticed_and_one_that_closes_costs_nothing(usual: FaultSite) -> None:
    """By default a whole answer may take ten minutes, and nobody says that a node is gone."""
    with usual.row("F10 vanishes") as vanishing, usual.row("F11 closes idle connections") as closing:

        async def scenario() -> tuple[list[Answer], list[Answer]]:
            return await asyncio.gather(meet_vanished_peers(vanishing.asker()), meet_closing_peers(closing.asker()))

        answers, others = asyncio.run(scenario())
        vanishing.take(answers)
        closing.take(others)
        assert closing.tally.counts == {ANSWERED: 320}
        late = [answer.seconds for answer in answers if answer.seconds > 1]
        in_mid_answer = vanishing.node("c")["failed_requests"]
        vanishing.tally.note = f"{len(late)} noticed after {min(late):.1f} to {max(late):.1f} s"
        assert vanishing.tally.counts == {ANSWERED: 22}
        assert 0 < in_mid_answer < len(late), "the rest met dead connections, which is no failure of their node"
        assert max(late) < 13.0


async def meet_vanished_peers(asker: Asker) -> list[Answer]:
    # Some of these are being answered when their node goes.
    in_mid_answer = [asyncio.create_task(asker.ask(play={"c": ["mute", "hang"]})) for _ in range(6)]
    await asyncio.sleep(0.1)
    answered = await asyncio.gather(*(asker.ask(play={"a": ["answer:8", "mute"]}) for _ in range(8)))
    # Some of these meet pooled connections whose other end no longer hears.
    on_dead_connections = await asyncio.gather(*(asker.ask() for _ in range(8)))
    return [*answered, *on_dead_connections, *await asyncio.gather(*in_mid_answer)]


async def meet_closing_peers(asker: Asker) -> list[Answer]:
    """Eight clients who ask again about when their node gives up the idle connection."""
    answers: list[Answer] = []

    async def client(number: int) -> None:
        for turn in range(40):
            answer = await asker.ask(play={"*": ["answer:8", "close_later:0.06"]})
            answers.append(answer)
            await asyncio.sleep(0.0605 - answer.seconds + (turn - 20 + number / 8) * 0.0002)

    await asyncio.gather(*map(client, range(8)))
    return answers
