"""Each kind of engine is recognised by its own answers and by no other kind's, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
import pytest
from agent.engine_server import EngineServer, Page, asked
from agent.engines import recorded

from llmlb.agent.engines import ENGINES, EngineReading, detect, engine_named
from llmlb.agent.engines.endpoint import Endpoint, EngineRefused, EngineSilent, EngineUnreachable
from llmlb.errors import ConfigurationError, EngineError

KINDS: dict[str, tuple[Mapping[str, Page], Page]] = {
    "vllm": (recorded.VLLM, (404, "")),
    "llamacpp": (recorded.LLAMACPP, (404, {"error": {"code": 404}})),
    "lmstudio": (recorded.LMSTUDIO, recorded.LMSTUDIO_MISSING),
    "sglang": (recorded.SGLANG, (404, "")),
    "ollama": (recorded.OLLAMA, (404, "")),
    "openai": (recorded.GENERIC, (404, "")),
}


async def look(http: httpx.AsyncClient, url: str) -> EngineReading:
    return await (await detect(http, url)).probe()


def reading_of(kind: str) -> EngineReading:
    pages, missing = KINDS[kind]
    return asked(EngineServer(pages, missing=missing), look)


def test_every_engine_of_the_table_has_a_recording() -> None:
    assert {engine.name for engine in ENGINES} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_engine_is_taken_for_another_one(kind: str) -> None:
    assert reading_of(kind).engine == kind


def test_vllm_reports_the_sum_of_its_engines_and_the_fullest_cache() -> None:
    assert reading_of("vllm") == EngineReading(
        engine="vllm",
        version="0.11.0",
        loaded_models=("Qwen/Qwen3-8B", "sql-adapter"),
        available_models=("Qwen/Qwen3-8B", "sql-adapter"),
        running=7,
        queued=3,
        kv_cache_usage=50.0,
        prefill_rate=4000.0,
        decode_rate=75.0,
        max_context=40960,
    )


def test_llamacpp_reports_slots_and_deferred_requests() -> None:
    reading = reading_of("llamacpp")
    assert (reading.running, reading.queued, reading.slots, reading.active_requests) == (4, 8, 4, 12)
    assert (reading.version, reading.max_context) == ("b11669-1a2b3c4d", 2048)
    assert reading.loaded_models == ("tiny",)


def test_llamacpp_without_a_metrics_page_counts_its_busy_slots() -> None:
    pages = {path: page for path, page in recorded.LLAMACPP.items() if path != "/metrics"}
    reading = asked(EngineServer(pages), look)
    assert (reading.running, reading.queued, reading.active_requests) == (2, None, 2)


def test_llamacpp_with_several_models_tells_the_loaded_ones_apart() -> None:
    rows = [
        {"id": "a", "owned_by": "llamacpp", "status": {"value": "loaded"}},
        {"id": "b", "owned_by": "llamacpp", "status": {"value": "unloaded"}},
    ]
    reading = asked(EngineServer({**recorded.LLAMACPP, "/v1/models": {"data": rows}}), look)
    assert (reading.loaded_models, reading.available_models) == (("a",), ("a", "b"))


def test_a_loading_llamacpp_is_not_ready_rather_than_empty() -> None:
    loading = (503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}})
    server = EngineServer({}, missing=loading)
    with pytest.raises(EngineRefused, match="still be loading its model") as refused:
        asked(server, look)
    assert refused.value.status == 503


def test_lmstudio_reports_what_is_loaded_apart_from_what_is_on_disk() -> None:
    reading = reading_of("lmstudio")
    assert reading.loaded_models == ("meta-llama-3.1-8b-instruct",)
    assert len(reading.available_models) == 3
    assert (reading.max_context, reading.active_requests) == (8192, None)


def test_sglang_counts_each_request_once_however_many_ranks_report_it() -> None:
    reading = reading_of("sglang")
    assert (reading.running, reading.queued, reading.slots) == (6, 1, 256)
    assert (reading.kv_cache_usage, reading.version) == (28.0, "0.5.5")


def test_an_older_sglang_with_its_older_page_is_recognised() -> None:
    pages = dict(recorded.SGLANG)
    pages["/get_server_info"] = pages.pop("/server_info")
    assert asked(EngineServer(pages), look).slots == 256


def test_ollama_reports_memory_and_disk() -> None:
    assert reading_of("ollama") == EngineReading(
        engine="ollama",
        version="0.12.6",
        loaded_models=("llama3.2:1b",),
        available_models=("llama3.2:1b", "qwen3:8b"),
        max_context=4096,
    )


def test_an_idle_ollama_has_no_loaded_model_and_is_an_engine_all_the_same() -> None:
    reading = asked(EngineServer({**recorded.OLLAMA, "/api/ps": {"models": []}}), look)
    assert (reading.loaded_models, len(reading.available_models)) == ((), 2)


def test_an_unknown_server_with_a_known_metrics_dialect_reports_its_load() -> None:
    reading = reading_of("openai")
    assert (reading.engine, reading.running, reading.queued, reading.kv_cache_usage) == ("openai", 2, 1, 10.0)


def test_the_api_key_goes_with_every_question() -> None:
    server = EngineServer(recorded.VLLM)
    asked(server, lambda http, url: detect(http, url, api_key="sk-engine"))
    assert {authorization for _, authorization in server.seen} == {"bearer sk-engine"}


def test_a_demanded_api_key_is_named_as_the_reason() -> None:
    with pytest.raises(EngineRefused, match="XLLM_ENGINE_API_KEY"):
        asked(EngineServer({}, missing=(401, {"error": "unauthorized"})), look)


def test_a_router_is_not_taken_for_an_engine() -> None:
    server = EngineServer({**recorded.GENERIC, "/": "llmlb 0.1.0. The live view: llmlb top"})
    with pytest.raises(EngineError, match="is an llmlb router"):
        asked(server, look)


@pytest.mark.parametrize("page", [{}, [], "<html>", {"data": "none"}, {"data": None}, 7])
def test_something_else_at_the_address_is_not_an_engine(page: object) -> None:
    with pytest.raises(EngineError):
        asked(EngineServer({}, missing=page), look)


def test_nothing_at_the_address_is_told_from_something_wrong() -> None:
    async def run() -> None:
        listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        listener.close()
        await listener.wait_closed()
        async with httpx.AsyncClient(trust_env=False) as http:
            await detect(http, f"http://127.0.0.1:{port}")

    with pytest.raises(EngineUnreachable, match=r"connection refused.*is the engine running"):
        asyncio.run(run())


def test_an_engine_that_hangs_is_given_up_after_one_deadline() -> None:
    async def run() -> None:
        opened: list[asyncio.StreamWriter] = []

        def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            opened.append(writer)

        listener = await asyncio.start_server(swallow, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        try:
            async with httpx.AsyncClient(trust_env=False) as http:
                await detect(http, f"http://127.0.0.1:{port}", timeout_s=0.05)
        finally:
            for writer in opened:
                writer.close()
            listener.close()
            await listener.wait_closed()
        assert len(opened) == 1

    with pytest.raises(EngineSilent):
        asyncio.run(run())


def test_a_kind_can_be_named_and_a_wrong_name_lists_the_known_ones() -> None:
    endpoint = Endpoint(httpx.AsyncClient(trust_env=False), "http://127.0.0.1:1/")
    assert engine_named("ollama", endpoint).name == "ollama"
    with pytest.raises(ConfigurationError, match=r"known are vllm, .*openai"):
        engine_named("gpt", endpoint)
