"""The llama.cpp probe against the real server: what is recorded elsewhere still holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest

from llmlb.agent.engines import EngineReading, detect

if TYPE_CHECKING:
    from fakes.llama import LlamaServer

pytestmark = pytest.mark.system


async def read(url: str) -> EngineReading:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await (await detect(http, url)).probe()


def test_a_real_server_is_recognised_with_its_model_and_slots(llama_servers: Callable[..., LlamaServer]) -> None:
    reading = asyncio.run(read(llama_servers("tiny", slots=3).url))
    assert (reading.engine, reading.loaded_models, reading.slots) == ("llamacpp", ("tiny",), 3)
    assert reading.running == 0
    assert reading.max_context


def test_a_real_server_that_works_is_seen_working(llama_servers: Callable[..., LlamaServer]) -> None:
    url = llama_servers("tiny", slots=2, context=8_192).url
    wanted = {"prompt": "One shared queue", "max_tokens": 4_000, "ignore_eos": True, "stream": True}

    async def run() -> EngineReading:
        async with (
            httpx.AsyncClient(trust_env=False) as http,
            http.stream("POST", f"{url}/v1/completions", json=wanted, timeout=30) as response,
        ):
            chunks = response.aiter_raw()  # held: dropping it would end the request
            await anext(chunks)
            return await read(url)

    assert asyncio.run(run()).running == 1


def test_a_real_server_that_has_worked_tells_how_fast_it_is(llama_servers: Callable[..., LlamaServer]) -> None:
    url = llama_servers("tiny", slots=1, context=8_192).url
    wanted = {"prompt": "One shared queue serves them all. " * 200, "max_tokens": 600, "ignore_eos": True}
    timings = httpx.post(f"{url}/v1/completions", json=wanted, timeout=60, trust_env=False).json()["timings"]
    reading = asyncio.run(read(url))
    assert reading.prefill_rate == pytest.approx(timings["prompt_per_second"], rel=0.05)
    assert reading.decode_rate == pytest.approx(timings["predicted_per_second"], rel=0.05)
