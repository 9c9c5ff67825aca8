"""A router, three engines and their agents on this machine, each a process of its own."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from llmlb.clock import monotonic_s, sleep_s
from llmlb.demo.model import DemoEngine
from llmlb.demo.processes import Child, free_port
from llmlb.errors import DemoFailed

NODES = ("node-1", "node-2", "node-3")
CONFIG = "[health]\nnode_timeout = 5\ncheck_interval = 1\n"
START_TIMEOUT_S = 60.0
POLL_S = 0.05


class DemoFleet:
    """A context manager: leaving it stops every process, whatever happened."""

    def __init__(self, engine: DemoEngine, directory: Path) -> None:
        self.engine = engine
        self.url = f"http://127.0.0.1:{free_port()}"
        self.api_key = ""
        self._directory = directory
        self._http = httpx.Client(base_url=self.url, timeout=60.0, trust_env=False)
        config = directory / "config.toml"
        config.write_text(CONFIG)
        port = self.url.rpartition(":")[2]
        arguments = ["serve", "--dev", "--port", port, "--data-dir", str(directory / "router"), "--config", str(config)]
        self._router = Child("router", "llmlb_cli", arguments, directory / "router.log")
        self._ports = {name: free_port() for name in NODES}
        self._engines = {name: self._engine(name) for name in NODES}
        self._agents = {name: self._agent(name) for name in NODES}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        children = [*self._agents.values(), self._router, *self._engines.values()]
        for child in children:
            child.signal(signal.SIGKILL if child in self._engines.values() else signal.SIGTERM)
        for child in children:
            child.wait()

    def start_router(self) -> None:
        self._router.start()
        self._wait("the router", self._router, lambda: self._http.get("/health/ready").status_code == 200)
        found = re.search(r"sk-[\w-]+", self._router.log())
        if found is None:
            raise DemoFailed(f"The router printed no API key.\n{self._router.last_words()}")
        self.api_key = found[0]
        token = (self._directory / "router" / "operator_token").read_text().strip()
        self._http.headers["authorization"] = f"Bearer {token}"

    def start_engine(self, name: str) -> None:
        """Start an engine and wait until it has its model."""
        child = self._engines[name]
        child.start()
        url = f"http://127.0.0.1:{self._ports[name]}/health"
        self._wait(f"the engine of {name}", child, lambda: httpx.get(url, trust_env=False).status_code == 200)

    def start_agent(self, name: str) -> None:
        self._agents[name].start()

    def kill(self, name: str) -> None:
        """Engine and agent of a node die at once, as if its machine lost power."""
        self._engines[name].kill()
        self._agents[name].kill()

    def approve(self, name: str) -> None:
        self._http.post(f"/v0/nodes/{name}/approve").raise_for_status()

    def nodes(self) -> list[dict[str, Any]]:
        """The fleet as ``GET /v0/nodes`` tells it."""
        found: list[dict[str, Any]] = self._http.get("/v0/nodes").raise_for_status().json()["nodes"]
        return sorted(found, key=lambda node: str(node["id"]))

    def wait_for(self, name: str, state: str, *, timeout_s: float = START_TIMEOUT_S) -> None:
        until_s = monotonic_s() + timeout_s
        while monotonic_s() < until_s:
            if any(node["id"] == name and node["state"] == state for node in self.nodes()):
                return
            sleep_s(POLL_S)
        raise DemoFailed(f"{name} did not become {state} in {timeout_s:.0f} s.\n{self._agents[name].last_words()}")

    def chat(self, client: httpx.Client, text: str, max_tokens: int) -> httpx.Response:
        """One chat as a client of the fleet would send it."""
        body = {
            "model": self.engine.model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": max_tokens,
        }
        return client.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {self.api_key}"})

    def _wait(self, what: str, child: Child, is_ready: Callable[[], bool]) -> None:
        until_s = monotonic_s() + START_TIMEOUT_S
        while monotonic_s() < until_s and child.is_running:
            with contextlib.suppress(httpx.TransportError):
                if is_ready():
                    return
            sleep_s(POLL_S)
        raise DemoFailed(f"{what} did not start.\n{child.last_words()}")

    def _engine(self, name: str) -> Child:
        port, log = str(self._ports[name]), self._directory / f"engine-{name}.log"
        if self.engine.model_path is None:
            speed = ["--slots", "8", "--decode-tokens-per-s", "60"]
            return Child(name, "llmlb_cli", ["sim", "--port", port, "--model", self.engine.model, *speed], log)
        arguments = ["--model", str(self.engine.model_path), "--alias", self.engine.model, "--port", port]
        return Child(name, "llmlb.demo.engine", [*arguments, "--parallel", "10", "--ctx", "512", "--threads", "1"], log)

    def _agent(self, name: str) -> Child:
        engine_url = f"http://127.0.0.1:{self._ports[name]}"
        arguments = ["agent", "--router-url", self.url, "--engine-url", engine_url, "--node-id", name, "--dev"]
        arguments += ["--heartbeat", "1", "--state-dir", str(self._directory / f"agent-{name}")]
        return Child(f"agent of {name}", "llmlb_cli", arguments, self._directory / f"agent-{name}.log")
