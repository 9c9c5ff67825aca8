"""Each step of the quick-starts, done the way a reader would: load balancing first, then the health check."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fakes.llama import LlamaServer
from fakes.router import RouterProcess, router_with

pytestmark = pytest.mark.system

MODEL = "llama-3.2-1b"
SHORT = "[health]\nnode_timeout = 3\ncheck_interval = 0.5\n"


@pytest.fixture
def router(tmp_path: Path, llama_servers: Callable[..., LlamaServer]) -> Iterator[RouterProcess]:
    """A router with two nodes that serve the model of the quick-starts."""
    engines = {f"node-{n}": llama_servers(MODEL).url for n in (1, 2)}
    with router_with(tmp_path, engines, config=SHORT) as running:
        yield running


def login(router: RouterProcess) -> str:
    """The web login of old: admin and test, under --dev only."""
    answer = httpx.post(f"{router.url}/v0/auth/login", json={"username": "admin", "password": "test"})
    assert answer.status_code == 200
    return str(answer.json()["token"])


def nodes_as_seen_by(router: RouterProcess, token: str) -> list[dict[str, object]]:
    answer = httpx.get(f"{router.url}/v0/nodes", headers={"Authorization": f"Bearer {token}"})
    found: list[dict[str, object]] = answer.json()["nodes"]
    return found


def metrics_lines(router: RouterProcess, pattern: str) -> list[str]:
    lines = httpx.get(f"{router.url}/metrics").text.splitlines()
    return [line for line in lines if re.search(pattern, line)]


def test_modes_and_thresholds_come_from_the_environment_and_from_the_file(tmp_path: Path) -> None:
    config = (
        '[load_balancer]\nmode = "metrics"\ngpu_threshold = 80\nvram_threshold = 90\nactive_request_threshold = 10\n'
    )
    with RouterProcess(tmp_path, config=config) as router:
        assert router.call("GET", "/v0/settings/load-balancer") == {
            "mode": "metrics",
            "gpu_threshold": 80.0,
            "vram_threshold": 90.0,
            "active_request_threshold": 10,
        }
        router.end()
        router.start({"LOAD_BALANCER_MODE": "round_robin", "LLMLB_GPU_THRESHOLD": "70", "LLMLB_NODE_TIMEOUT": "120"})
        settings = router.call("GET", "/v0/settings/load-balancer")
        assert (settings["mode"], settings["gpu_threshold"]) == ("round_robin", 70.0)


def test_the_list_of_nodes_has_what_the_dashboard_showed(router: RouterProcess) -> None:
    for node in nodes_as_seen_by(router, login(router)):
        assert node["state"] == "online"
        assert f"{node['gpu_usage']:.1f} {node['vram_usage']:.1f} {node['active_requests']}"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(node["last_seen"]))
        assert {"total_requests", "avg_response_time_ms", "uptime_seconds", "heartbeats"} <= set(node)


def test_without_a_credential_the_list_is_refused_with_the_next_step(router: RouterProcess) -> None:
    answer = httpx.get(f"{router.url}/v0/nodes")
    assert answer.status_code == 401
    assert "llmlb login" in answer.json()["error"]["message"]


def test_ten_requests_side_by_side_are_spread_and_counted(router: RouterProcess) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: router.chat(MODEL), range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json()["choices"][0]["message"]["content"]
    chosen = metrics_lines(router, r"^llmlb_node_selections_total\{")
    assert sum(int(line.rpartition(" ")[2]) for line in chosen) == 10
    assert {re.findall(r'node_id="(node-\d)"', line)[0] for line in chosen} == {"node-1", "node-2"}
    assert metrics_lines(router, "selection_duration")


def test_thirty_requests_at_once_with_an_async_client_all_succeed(router: RouterProcess) -> None:
    async def load() -> list[int]:
        headers = {"Authorization": f"Bearer {router.api_key}"}
        async with httpx.AsyncClient(timeout=60.0, base_url=router.url, headers=headers) as client:
            bodies = [
                {"model": MODEL, "max_tokens": 8, "messages": [{"role": "user", "content": f"Number {n}"}]}
                for n in range(30)
            ]
            answers = await asyncio.gather(*(client.post("/v1/chat/completions", json=body) for body in bodies))
            return [answer.status_code for answer in answers]

    assert asyncio.run(load()).count(200) == 30


def test_the_command_line_runs_the_same_load_test(router: RouterProcess) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llmlb_cli", "loadtest", "-n", "30", "--max-tokens", "8", "--url", router.url],
        env={"PYTHONPATH": ":".join(sys.path), "LLMLB_API_KEY": router.api_key, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Success: 30/30" in done.stdout, done.stdout + done.stderr
    assert done.returncode in (0, 11), done.stderr


class Sender(threading.Thread):
    """A node's heartbeat written by hand, every so often, in a thread."""

    def __init__(self, router: RouterProcess, token: str, node_id: str) -> None:
        super().__init__(daemon=True)
        self.router = router
        self.token = token
        self.node_id = node_id
        self.stopped = threading.Event()
        self.replies: list[dict[str, object]] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.router.url, timeout=10.0) as client:
            while not self.stopped.wait(0.6):
                body = {
                    "node_id": self.node_id,
                    "gpu_metrics": {"usage": 50.0, "vram_usage": 60.0},
                    "active_requests": 0,
                    "loaded_models": [MODEL],
                }
                answer = client.post("/v0/health", json=body, headers={"X-Node-Token": self.token})
                self.replies.append(answer.json())


def test_a_hand_written_heartbeat_keeps_a_node_alive_and_its_silence_shows(tmp_path: Path) -> None:
    with RouterProcess(tmp_path, config=SHORT) as router:
        registered = httpx.post(
            f"{router.url}/v0/nodes", json={"url": "http://127.0.0.1:9", "heartbeat_secs": 1}
        ).json()
        assert registered["node_id"] == "node-1"
        sender = Sender(router, registered["node_token"], "node-1")
        sender.start()
        router.call("POST", "/v0/nodes/node-1/approve")
        node = router.wait_for("node-1", state="online")
        assert (node["gpu_usage"], node["vram_usage"], node["temperature"]) == (50.0, 60.0, None)
        assert sender.replies[0]["status"] == "ok"
        assert isinstance(sender.replies[0]["server_time"], int)
        sender.stopped.set()
        sender.join()
        silent_s = time.monotonic()
        router.wait_for("node-1", state="offline")
        assert time.monotonic() - silent_s < 5
        alerts = [node["id"] for node in nodes_as_seen_by(router, login(router)) if node["state"] == "offline"]
        assert alerts == ["node-1"]
        lines = metrics_lines(router, r"^llm_router_(heartbeats|node_state|node_timeouts)")
        assert 'llm_router_node_state{node_id="node-1",state="offline"} 1' in lines
        assert 'llm_router_node_timeouts_total{node_id="node-1"} 1' in lines
        assert f'llm_router_heartbeats_received_total{{node_id="node-1"}} {len(sender.replies)}' in lines


def test_a_full_heartbeat_as_a_person_would_type_it_is_accepted(tmp_path: Path) -> None:
    with RouterProcess(tmp_path) as router:
        token = httpx.post(f"{router.url}/v0/nodes", json={"url": "http://127.0.0.1:9"}).json()["node_token"]
        body = (
            '{"node_id": "node-1", "gpu_metrics": {"usage": 45.5, "vram_usage": 78.2, "temperature": 65.0},'
            ' "system_metrics": {"cpu_usage": 30.0, "memory_usage": 50.0}, "active_requests": 2,'
            ' "loaded_models": ["llama-3.2-1b"]}'
        )
        answer = httpx.post(
            f"{router.url}/v0/health",
            content=body,
            headers={"X-Node-Token": token, "Content-Type": "application/json"},
        )
        assert answer.status_code == 200
        node = router.node("node-1")
        assert (node["gpu_usage"], node["vram_usage"], node["active_requests"]) == (45.5, 78.2, 2)
        assert node["state"] == "pending"


def test_a_stopped_agent_is_offline_after_the_timeout_and_back_at_once(router: RouterProcess) -> None:
    router.agents["node-1"].end(signal.SIGKILL)
    router.wait_for("node-1", state="offline", timeout_s=10)
    engine = str(router.node("node-1")["url"])
    router.agent("node-1", engine, approve=False)
    router.wait_for("node-1", state="online", timeout_s=10)
