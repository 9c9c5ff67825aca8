"""A router that is told to stop."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fakes.fault_client import ANSWERED, FAILED, Answer, Asker
from fakes.fault_site import SHORT, TABLE, ByteNode, FaultRouter, Tally

pytestmark = pytest.mark.system

MODEL = "stopping"


def run_while_stopping(
    directory: Path,
    nodes: dict[str, ByteNode],
    *,
    drain_s: float,
    gap_s: float,
    stop: Callable[[FaultRouter], Awaitable[None]],
) -> tuple[list[Answer], int, float]:
    """Forty streams of 40 words on both paths and five whole answers; returns them, the exit status and its delay."""
    config = SHORT.replace("[timeouts]", f"[timeouts]\ndrain = {drain_s}").replace("answer = 2", "answer = 20")
    with FaultRouter(directory, config=config) as router:
        for name in "ab":
            router.join(name, nodes[name].url, MODEL)
        askers = [Asker(router.port, router.api_key, MODEL, chunked=number % 2 > 0) for number in range(2)]
        play = {"*": ["head", f"words:40:{gap_s}", "finish", "end"]}
        whole = {"*": [f"sleep:{40 * gap_s}", "answer:40"]}

        async def scenario() -> list[Answer]:
            asks = [askers[number % 2].ask(stream=True, words=40, play=play) for number in range(40)]
            asks += [askers[number % 2].ask(words=40, play=whole) for number in range(5)]
            running = asyncio.gather(*asks)
            await asyncio.sleep(0.5)
            await stop(router)
            return await running

        answers = asyncio.run(scenario())
        ended_s = time.monotonic()
        assert router.command is not None
        return answers, router.command.process.wait(10), time.monotonic() - ended_s


def note(name: str, answers: list[Answer]) -> Tally:
    tally = Tally(name)
    tally.add(*(answer.ending for answer in answers))
    TABLE.append(tally)
    return tally


def test_sigterm_loses_no_running_request(byte_nodes: dict[str, ByteNode], tmp_path: Path) -> None:
    async def stop(router: FaultRouter) -> None:
        assert router.command is not None
        router.command.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        assert router.client.get("/health/ready").status_code == 503
        for chunked in (False, True):
            refused = await Asker(router.port, router.api_key, MODEL, chunked=chunked).ask()
            assert (refused.status, refused.error) == (503, "router_draining")
            assert refused.headers["retry-after"]

    answers, status, delay_s = run_while_stopping(tmp_path, byte_nodes, drain_s=15, gap_s=0.05, stop=stop)
    tally = note("SIGTERM", answers)
    assert tally.counts == {ANSWERED: 45}
    assert status == 0
    assert delay_s < 4.0


def test_a_second_sigterm_does_not_wait(byte_nodes: dict[str, ByteNode], tmp_path: Path) -> None:
    stopped_at_s: list[float] = []

    async def stop(router: FaultRouter) -> None:
        assert router.command is not None
        for _ in range(2):
            router.command.process.send_signal(signal.SIGTERM)
            stopped_at_s.append(time.monotonic())
            await asyncio.sleep(0.3)

    answers, _, _ = run_while_stopping(tmp_path, byte_nodes, drain_s=60, gap_s=0.3, stop=stop)
    took_s = time.monotonic() - stopped_at_s[-1]
    tally = note("SIGTERM twice", answers)
    tally.note = f"ended after {took_s:.1f} s"
    assert took_s < 3.0
    assert_broken_visibly(tally, answers)


def test_what_outlasts_the_drain_ends_broken(byte_nodes: dict[str, ByteNode], tmp_path: Path) -> None:
    async def stop(router: FaultRouter) -> None:
        assert router.command is not None
        router.command.process.send_signal(signal.SIGTERM)

    answers, status, _ = run_while_stopping(tmp_path, byte_nodes, drain_s=0.5, gap_s=0.3, stop=stop)
    assert status == 0
    assert_broken_visibly(note("SIGTERM, drain over", answers), answers)


def assert_broken_visibly(tally: Tally, answers: list[Answer]) -> None:
    """Those that had not begun are refused; those that had are told why they end, and end uncleanly."""
    assert tally.counts == {FAILED: 45}
    begun = [answer for answer in answers if answer.status == 200]
    assert len(begun) > 10
    assert not any(answer.clean or b"[DONE]" in answer.body for answer in begun)
    assert {answer.error for answer in begun} == {"node_lost"}
    assert {answer.status for answer in answers} <= {200, 503}
