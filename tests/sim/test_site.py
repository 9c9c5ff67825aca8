from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import httpx
import pytest
from fakes.raw_http import RawClient, raw_post
from fakes.virtual_time import run_virtual

from llmlb.agent.engines.exposition import token_rate
from llmlb.sim import SimServer, SimSettings

CHAT = "/v1/chat/completions"
ASK = {"model": "sim-model", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
FAST = SimSettings(prefill_tokens_per_s=1e9, decode_tokens_per_s=1e4)

Scenario = Callable[[httpx.AsyncClient, SimServer], Awaitable[None]]


def client_of(sim: SimServer) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=sim.url, trust_env=False, timeout=60)


def visit(scenario: Scenario, settings: SimSettings = FAST) -> None:
    async def run() -> None:
        async with SimServer(settings) as sim, client_of(sim) as client:
            await scenario(client, sim)

    run_virtual(run())


def test_models_are_listed_in_order() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        answer = (await client.get("/v1/models")).json()
        assert [model["id"] for model in answer["data"]] == ["a", "b"]

    visit(scenario, SimSettings(models=("a", "b")))


def test_unknown_model_is_404_and_the_known_ones_are_named() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        answer = await client.post(CHAT, json={**ASK, "model": "other"})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "model_not_found"
        assert "sim-model" in answer.json()["error"]["message"]

    visit(scenario)


def test_engine_that_accepts_any_model_answers_under_the_name_asked_for() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        answer = await client.post(CHAT, json={**ASK, "model": "other"})
        assert answer.json()["model"] == "other"

    visit(scenario, SimSettings(accept_any_model=True))


def test_too_long_prompt_is_400_with_its_own_code() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        turns = [{"role": "user", "content": "x" * 500}]
        answer = await client.post(CHAT, json={**ASK, "messages": turns})
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "context_length_exceeded"

    visit(scenario, SimSettings(context_tokens=100))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", CHAT, 405), ("POST", "/health", 405), ("GET", "/nothing", 404), ("GET", "/", 404)],
)
def test_wrong_method_and_unknown_path_are_told_apart(method: str, path: str, status: int) -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        answer = await client.request(method, path)
        assert answer.status_code == status
        assert answer.json()["error"]["message"]

    visit(scenario)


def test_api_key_guards_the_models_and_the_inference_but_not_the_health() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        right, wrong = {"authorization": "Bearer secret"}, {"authorization": "Bearer guess"}
        statuses = [
            (await client.post(CHAT, json=ASK)).status_code,
            (await client.post(CHAT, json=ASK, headers=wrong)).status_code,
            (await client.post(CHAT, json=ASK, headers=right)).status_code,
            (await client.post(CHAT, json=ASK, headers={"x-api-key": "secret"})).status_code,
            (await client.get("/v1/models")).status_code,
            (await client.get("/health")).status_code,
        ]
        assert statuses == [401, 401, 200, 200, 401, 200]

    visit(scenario, SimSettings(api_key="secret"))


def test_empty_credential_does_not_open_a_guarded_engine() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        answer = await client.post(CHAT, json=ASK, headers={"authorization": "Bearer", "x-api-key": ""})
        assert answer.status_code == 401

    visit(scenario, SimSettings(api_key="secret"))


def test_load_is_visible_while_requests_run_and_wait() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        tasks = [asyncio.create_task(client.post(CHAT, json=ASK)) for _ in range(5)]
        await asyncio.sleep(1.0)
        state = (await client.get("/sim/state")).json()
        metrics = (await client.get("/metrics")).text
        slots = (await client.get("/slots")).json()
        assert (state["running"], state["waiting"], state["requests"]) == (2, 3, 5)
        assert state["open_sockets"] == 6
        assert 'vllm:num_requests_running{engine="0",model_name="sim-model"} 2\n' in metrics
        assert 'vllm:num_requests_waiting{engine="0",model_name="sim-model"} 3\n' in metrics
        assert [slot["is_processing"] for slot in slots] == [True, True]
        await asyncio.gather(*tasks)
        state = (await client.get("/sim/state")).json()
        assert (state["running"], state["waiting"]) == (0, 0)

    visit(scenario, SimSettings(slots=2, decode_tokens_per_s=1.0))


def test_counters_agree_with_the_usage_that_clients_were_told() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        usages = [(await client.post(CHAT, json=ASK)).json()["usage"] for _ in range(3)]
        metrics = (await client.get("/metrics")).text
        generated = sum(usage["completion_tokens"] for usage in usages)
        prompted = sum(usage["prompt_tokens"] for usage in usages)
        assert f'generation_tokens_total{{engine="0",model_name="sim-model"}} {generated}\n' in metrics
        assert f'prompt_tokens_total{{engine="0",model_name="sim-model"}} {prompted}\n' in metrics
        assert 'finished_reason="length"} 3\n' in metrics

    visit(scenario)


def test_model_name_cannot_break_the_metrics() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        assert r'model_name="a\"b\\c\nd"' in (await client.get("/metrics")).text

    visit(scenario, SimSettings(models=('a"b\\c\nd',)))


def test_request_log_tells_how_each_request_ended() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        await client.post(CHAT, json=ASK, headers={"x-request-id": "mine"})
        await client.post(CHAT, json={**ASK, "model": "other"})
        sim.set_faults(["status:500"])
        await client.post(CHAT, json=ASK)
        log = (await client.get("/sim/requests")).json()["requests"]
        assert [record["outcome"] for record in log] == ["completed", "refused", "failed"]
        assert [record["status"] for record in log] == [200, 404, 500]
        assert log[0]["client_request_id"] == "mine"
        assert log[0]["completion_tokens"] == 4
        assert 0 <= log[0]["first_token_ms"] <= log[0]["total_ms"]
        assert log[2]["fault"] == "status:500"
        assert (await client.delete("/sim/requests")).json() == {"requests": []}

    visit(scenario)


def test_heads_are_logged_exactly_and_only_on_demand() -> None:
    async def scenario(log_heads: bool) -> str | None:
        request = raw_post(CHAT, ASK, headers="X-Odd:   spaced\r\nx-UPPER: Y\r\n")
        async with SimServer(SimSettings(log_heads=log_heads)) as sim, RawClient(sim.url) as client:
            await client.send(request)
            await client.read_answer()
            await client.send(b"GET /sim/requests HTTP/1.1\r\nHost: x\r\n\r\n")
            record = json.loads((await client.read_answer())[1])["requests"][0]
            assert record.get("head", request.partition(b"\r\n\r\n")[0].decode() + "\r\n\r\n").encode() in request
            head = record.get("head")
            return None if head is None else str(head)

    with_log, without = (run_virtual(scenario(log_heads)) for log_heads in (True, False))
    assert with_log is not None
    assert "X-Odd:   spaced\r\nx-UPPER: Y\r\n" in with_log
    assert without is None


def test_faults_are_switched_over_http() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        changed = await client.post("/sim/faults", json=["status:503@1", "slow_head:1s@p=0.5"])
        assert changed.json() == {"faults": ["status:503@1", "slow_head:1s@p=0.5"]}
        assert (await client.get("/sim/faults")).json() == changed.json()
        assert (await client.post(CHAT, json=ASK)).status_code == 503
        assert (await client.post("/sim/faults", json=[])).json() == {"faults": []}
        assert (await client.post(CHAT, json=ASK)).status_code == 200

    visit(scenario)


@pytest.mark.parametrize("body", [b'["nonsense"]', b'{"a": 1}', b'"hang"', b"[5]", b"\xff"])
def test_wrong_faults_are_refused_with_what_is_wrong(body: bytes) -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        answer = await client.post("/sim/faults", content=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]

    visit(scenario)


def test_cold_model_is_listed_as_loaded_once_it_answered() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        assert (await client.get("/sim/state")).json()["loaded_models"] == []
        await client.post(CHAT, json={**ASK, "model": "b"})
        assert (await client.get("/sim/state")).json()["loaded_models"] == ["b"]

    visit(scenario, SimSettings(models=("a", "b"), load_s=3.0))


def test_early_head_comes_before_the_first_token_is_ready() -> None:
    async def first_bytes_at_s(early_head: bool) -> float:
        loop = asyncio.get_running_loop()
        settings = SimSettings(prefill_tokens_per_s=0.5, early_head=early_head)
        async with SimServer(settings) as sim, RawClient(sim.url) as client:
            began_at_s = loop.time()
            await client.send(raw_post(CHAT, {**ASK, "stream": True}))
            await client.read_until(b"\r\n\r\n")
            waited_s = loop.time() - began_at_s
            await client.read_until(b"[DONE]")
            return waited_s

    assert run_virtual(first_bytes_at_s(True)) < 0.5
    assert run_virtual(first_bytes_at_s(False)) > 5.0


def test_the_counters_tell_the_speed_that_was_asked_for() -> None:
    async def scenario(client: httpx.AsyncClient, sim: SimServer) -> None:
        long = {**ASK, "messages": [{"role": "user", "content": "all of it " * 800}], "max_tokens": 200}
        for _ in range(2):
            await client.post(CHAT, json=long)
        metrics = (await client.get("/metrics")).text
        prefill = token_rate(
            metrics,
            "vllm:prompt_tokens_total",
            "vllm:request_prefill_time_seconds_sum",
            less="vllm:prefix_cache_hits_total",
        )
        decode = token_rate(metrics, "vllm:generation_tokens_total", "vllm:request_decode_time_seconds_sum")
        assert prefill == pytest.approx(2000.0, rel=0.01)
        assert decode == pytest.approx(100.0, rel=0.05)

    visit(scenario, SimSettings(prefill_tokens_per_s=2000.0, decode_tokens_per_s=100.0))
