"""The router with real llama.cpp engines behind it and real agents beside them."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fakes.llama import LlamaServer
from fakes.router import Command, RouterProcess, router_with

pytestmark = pytest.mark.system

Start = Callable[..., LlamaServer]


@pytest.fixture
def fleet(tmp_path: Path, llama_servers: Start) -> Iterator[tuple[RouterProcess, list[LlamaServer]]]:
    """Three nodes with the model ``tiny``."""
    engines = [llama_servers() for _ in range(3)]
    urls = {f"node-{n}": engine.url for n, engine in enumerate(engines, 1)}
    with router_with(tmp_path, urls, config="[health]\nnode_timeout = 4\ncheck_interval = 1\n") as router:
        yield router, engines


def test_thirty_chats_at_once_land_ten_on_each_of_three_nodes(fleet: tuple[RouterProcess, list[LlamaServer]]) -> None:
    router, _ = fleet
    with ThreadPoolExecutor(30) as pool:
        # Long enough that none has ended before the last one comes: then it is at once.
        answers = list(pool.map(lambda _: router.chat("tiny", max_tokens=400, ignore_eos=True), range(30)))
    assert [answer.status_code for answer in answers] == [200] * 30
    shares = Counter(answer.headers["x-llmlb-node"] for answer in answers)
    assert sorted(shares.values()) == [10, 10, 10]
    router.quiet()


def test_a_killed_engine_fails_no_chat_and_comes_back_without_approval(
    fleet: tuple[RouterProcess, list[LlamaServer]],
) -> None:
    router, engines = fleet
    statuses: Counter[int] = Counter()
    stop = threading.Event()

    def keep_asking() -> None:
        with httpx.Client(base_url=router.url, timeout=30, trust_env=False) as client:
            body = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 16}
            while not stop.is_set():
                answer = client.post(
                    "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {router.api_key}"}
                )
                statuses[answer.status_code] += 1

    with ThreadPoolExecutor(3) as pool:
        askers = [pool.submit(keep_asking) for _ in range(3)]
        time.sleep(0.5)
        engines[0].kill()
        router.agents["node-1"].end(signal.SIGKILL)
        router.wait_for("node-1", state="offline")
        before = statuses.total()
        engines[0].start()
        router.agent("node-1", engines[0].url, approve=False)
        router.wait_for("node-1", state="online", circuit="closed", timeout_s=30)
        stop.set()
        for asker in askers:
            asker.result()
    assert before > 20
    assert set(statuses) == {200}
    router.quiet()


def test_a_stream_from_a_killed_engine_breaks_for_the_openai_sdk(
    fleet: tuple[RouterProcess, list[LlamaServer]],
) -> None:
    openai = pytest.importorskip("openai")
    router, engines = fleet
    client = openai.OpenAI(base_url=f"{router.url}/v1", api_key=router.api_key, max_retries=0)
    raised = 0
    for engine in engines:
        stream = client.chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": "Tell me a story"}],
            max_tokens=1500,
            stream=True,
            extra_body={"ignore_eos": True},
            extra_headers={"x-llmlb-pin": f"node-{engines.index(engine) + 1}"},
        )
        try:
            for index, _ in enumerate(stream):
                if index == 5:
                    engine.kill()
        except openai.APIError:
            raised += 1
    client.close()
    assert raised == 3
    router.quiet()


def test_the_router_survives_kill_9_with_its_nodes_keys_and_settings(tmp_path: Path, llama_servers: Start) -> None:
    engine = llama_servers()
    with RouterProcess(tmp_path, dev=False) as router:
        router.agent("node-1", engine.url, "--heartbeat", "10")
        router.call("PUT", "/v0/settings/load-balancer", json={"gpu_threshold": 70, "mode": "round_robin"})
        router.end(signal.SIGKILL)
        started_s = time.monotonic()
        router.start()
        while router.chat("tiny").status_code != 200:
            time.sleep(0.05)
        assert time.monotonic() - started_s < 20
        settings = router.call("GET", "/v0/settings/load-balancer")
        assert (settings["gpu_threshold"], settings["mode"]) == (70, "round_robin")


def test_a_killed_router_knows_who_went_away_by_itself(tmp_path: Path, llama_servers: Start) -> None:
    engine = llama_servers()
    with router_with(tmp_path, {"node-1": engine.url}, config="[health]\nnode_timeout = 3\n") as router:
        assert router.agents["node-1"].end() == 0
        router.wait_for("node-1", state="offline")
        time.sleep(2.0)
        router.end(signal.SIGKILL)
        router.start()
        assert router.node("node-1")["state"] == "offline"


def test_a_router_on_a_free_port_says_which_and_is_no_node_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "router.log"
    command = Command(["serve", "--dev", "--port", "0", "--data-dir", str(tmp_path / "data")], log)
    try:
        until_s = time.monotonic() + 20
        while not (found := re.search(r"listens on (http://127\.0\.0\.1:(\d+))", command.log())):
            assert time.monotonic() < until_s, command.log()
            time.sleep(0.05)
        assert int(found[2]) > 0
        refused = httpx.post(f"{found[1]}/v0/nodes", json={"url": found[1]})
        assert refused.status_code == 422
    finally:
        command.end()


def test_sigterm_lets_a_running_stream_finish_and_refuses_new_work(
    fleet: tuple[RouterProcess, list[LlamaServer]],
) -> None:
    router, _ = fleet
    body = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Tell me a story"}],
        "max_tokens": 1200,
        "ignore_eos": True,
        "stream": True,
    }
    headers = {"authorization": f"Bearer {router.api_key}"}
    assert router.command is not None
    with (
        httpx.Client(base_url=router.url, timeout=30, trust_env=False) as client,
        client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        router.command.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert client.get("/health/ready").status_code == 503
        refused = client.post("/v1/chat/completions", json=body, headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "router_draining")
        assert "data: [DONE]" in list(lines)
    assert router.command.process.wait(10) == 0


def test_an_agentless_node_is_polled_and_serves(tmp_path: Path, llama_servers: Start) -> None:
    engine = llama_servers()
    with RouterProcess(tmp_path) as router:
        added = router.call("POST", "/v0/nodes", json={"url": engine.url, "agent": False, "node_id": "bare"})
        assert added["state"] in ("online", "offline")
        node = router.wait_for("bare", state="online")
        assert node["loaded_models"] == ["tiny"]
        assert router.chat("tiny").status_code == 200


def test_both_sdks_chat_stream_and_list_models(tmp_path: Path, llama_servers: Start) -> None:
    openai = pytest.importorskip("openai")
    anthropic = pytest.importorskip("anthropic")
    engine = llama_servers(embeddings=False)
    with router_with(tmp_path, {"node-1": engine.url}) as router:
        with openai.OpenAI(base_url=f"{router.url}/v1", api_key=router.api_key, max_retries=0) as client:
            messages = [{"role": "user", "content": "Hello"}]
            plain = client.chat.completions.create(model="tiny", messages=messages, max_tokens=8)
            assert plain.choices[0].message.content
            tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
            with_tools = client.chat.completions.create(model="tiny", messages=messages, max_tokens=8, tools=[tool])
            assert with_tools.choices
            parts = [
                chunk.choices[0].delta.content or ""
                for chunk in client.chat.completions.create(model="tiny", messages=messages, max_tokens=8, stream=True)
                if chunk.choices
            ]
            assert "".join(parts)
            assert [model.id for model in client.models.list()] == ["tiny"]
            with pytest.raises(openai.NotFoundError):
                client.chat.completions.create(model="absent", messages=messages)
        with anthropic.Anthropic(base_url=router.url, api_key=router.api_key, max_retries=0) as client:
            message = client.messages.create(model="tiny", max_tokens=8, messages=messages)
            assert message.content
            with client.messages.stream(model="tiny", max_tokens=8, messages=messages) as stream:
                assert "".join(stream.text_stream)
        router.quiet()


def test_embeddings_pass_where_the_engine_has_them(tmp_path: Path, llama_servers: Start) -> None:
    openai = pytest.importorskip("openai")
    engine = llama_servers(embeddings=True)
    with (
        router_with(tmp_path, {"node-1": engine.url}) as router,
        openai.OpenAI(base_url=f"{router.url}/v1", api_key=router.api_key, max_retries=0) as client,
    ):
        vectors = client.embeddings.create(model="tiny", input=["one", "two"], encoding_format="float")
        assert len(vectors.data) == 2


def test_the_request_record_tells_where_a_chat_went(fleet: tuple[RouterProcess, list[LlamaServer]]) -> None:
    router, _ = fleet
    answer = router.chat("tiny")
    record = router.call("GET", f"/v0/requests/{answer.headers['x-llmlb-request-id']}")
    assert record["node_id"] == answer.headers["x-llmlb-node"]
    assert record["completion_tokens"] == answer.json()["usage"]["completion_tokens"]
    assert json.dumps(record)
