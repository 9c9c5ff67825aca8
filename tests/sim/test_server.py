from __future__ import annotations

import asyncio
import re
from math import inf

import pytest
from fakes.raw_http import RawClient, raw_post
from fakes.virtual_time import run_virtual

from llmlb.errors import ConfigurationError
from llmlb.sim import SimServer, SimSettings, serve

GET_HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
ASK = {"model": "sim-model", "messages": [{"role": "user", "content": "hello"}], "stream": True}


async def page(sim: SimServer, path: str) -> bytes:
    async with RawClient(sim.url) as client:
        await client.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return (await client.read_answer())[1]


async def answers(sim: SimServer) -> bool:
    try:
        async with RawClient(sim.url) as client:
            await client.send(GET_HEALTH)
            return (await client.read_answer())[0].startswith(b"HTTP/1.1 200 ")
    except (ConnectionError, asyncio.IncompleteReadError):
        return False


def test_killed_engine_refuses_and_comes_back_on_its_port() -> None:
    async def scenario() -> tuple[str, bool, bool, str, bool]:
        sim = SimServer()
        first_url = await sim.start()
        alive = await answers(sim)
        sim.kill()
        dead = not await answers(sim)
        second_url = await sim.start()
        back = await answers(sim)
        await sim.close()
        return first_url, alive, dead, second_url, back

    first_url, alive, dead, second_url, back = run_virtual(scenario())
    assert (alive, dead, back) == (True, True, True)
    assert first_url == second_url


def test_kill_resets_open_streams_and_nothing_runs_on() -> None:
    async def scenario() -> tuple[bool, int]:
        async with SimServer(SimSettings(decode_tokens_per_s=1.0)) as sim, RawClient(sim.url) as client:
            await client.send(raw_post("/v1/chat/completions", ASK))
            await client.read_until(b"content")
            sim.kill()
            _, was_reset = await client.read_to_end()
            return was_reset, sim.running

    assert run_virtual(scenario()) == (True, 0)


def test_started_twice_is_an_error_of_the_caller() -> None:
    async def scenario() -> None:
        async with SimServer() as sim:
            with pytest.raises(RuntimeError):
                await sim.start()

    run_virtual(scenario())


def test_close_before_start_and_twice_is_fine() -> None:
    async def scenario() -> None:
        sim = SimServer()
        await sim.close()
        await sim.start()
        await sim.close()
        await sim.close()

    run_virtual(scenario())


def test_taken_port_is_an_error_at_once() -> None:
    async def scenario() -> None:
        async with SimServer() as sim:
            with pytest.raises(OSError, match="in use"):
                await SimServer(SimSettings(port=sim.port)).start()

    run_virtual(scenario())


def test_refusing_engine_turns_new_and_idle_connections_away_but_finishes_its_streams() -> None:
    async def scenario() -> None:
        async with SimServer(SimSettings(decode_tokens_per_s=100.0)) as sim:
            async with RawClient(sim.url) as idle, RawClient(sim.url) as streaming:
                await streaming.send(raw_post("/v1/chat/completions", ASK))
                await streaming.read_until(b"content")
                sim.set_faults(["refuse"])
                assert await idle.read_to_end() == (b"", False)
                assert not await answers(sim)
                await streaming.read_until(b"[DONE]")
            sim.set_faults([])
            await asyncio.sleep(0.01)
            assert await answers(sim)

    run_virtual(scenario())


def test_refusal_begins_and_ends_at_its_times() -> None:
    async def scenario() -> list[bool]:
        async with SimServer(SimSettings()) as sim:
            sim.set_faults(["refuse:5s@after=10s"])
            seen = []
            for wait_s in (9.0, 2.0, 5.0):
                await asyncio.sleep(wait_s)
                seen.append(await answers(sim))
            return seen

    assert run_virtual(scenario()) == [True, False, True]


def test_wrong_fault_leaves_the_present_ones_in_force() -> None:
    async def scenario() -> bool:
        async with SimServer() as sim:
            sim.set_faults(["status:500@path=/health"])
            with pytest.raises(ConfigurationError):
                sim.set_faults(["hang", "nonsense"])
            return await answers(sim)

    assert run_virtual(scenario()) is False


def test_serve_says_where_and_ends_when_it_is_told() -> None:
    async def scenario() -> str:
        stop, ready = asyncio.Event(), asyncio.Queue[str]()
        task = asyncio.create_task(serve(SimSettings(), stop=stop, ready=ready.put_nowait))
        url = await ready.get()
        stop.set()
        await task
        return url

    assert run_virtual(scenario()).startswith("http://127.0.0.1:")


def test_slow_reader_bounds_what_the_engine_generates_and_gets_it_all_in_the_end() -> None:
    async def scenario() -> tuple[int, int]:
        quick = SimSettings(decode_tokens_per_s=inf, prefill_tokens_per_s=inf)
        async with SimServer(quick) as sim, RawClient(sim.url) as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined] # streams give full transports
            body = {**ASK, "max_tokens": 60_000, "ignore_eos": True}
            await client.send(raw_post("/v1/chat/completions", body, headers="Connection: close\r\n"))
            await asyncio.sleep(1.0)
            metrics = await page(sim, "/metrics")
            generated = re.search(rb"generation_tokens_total{[^}]*} (\d+)", metrics)
            assert generated is not None
            client.writer.transport.resume_reading()  # type: ignore[attr-defined] # as above
            received, _ = await client.read_to_end()
            return int(generated[1]), received.count(b'"delta":{"content":"')

    generated, received = run_virtual(scenario())
    assert 1_000 < generated < 55_000
    assert received == 60_000
