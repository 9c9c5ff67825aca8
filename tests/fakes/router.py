"""Real ``llmlb`` processes for tests: a router and its agents, started, killed and restarted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from fakes.llama import free_port

from llmlb.demo.leash import leash_environment, leashed

START_TIMEOUT_S = 30.0


class Command:
    """One ``llmlb`` process whose output goes to a file."""

    def __init__(self, arguments: list[str], log: Path, environ: Mapping[str, str] | None = None) -> None:
        self.log_path = log
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            leashed([sys.executable, "-m", "llmlb_cli", *arguments]),
            env=leash_environment() | {"PYTHONPATH": os.pathsep.join(sys.path), "NO_COLOR": "1", **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def end(self, number: signal.Signals = signal.SIGTERM, *, timeout_s: float = 15.0) -> int:
        """Send a signal and wait for the end; returns the exit status."""
        if self.is_running:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout_s)
            raise
        finally:
            self._log.close()

    def close(self) -> None:
        """Kill it if it still runs; safe to call twice."""
        if self.is_running:
            self.process.kill()
            self.process.wait(10)
        self._log.close()


class RouterProcess:
    """``llmlb serve`` on a free port of 127.0.0.1, with an API key and an operator's session at hand."""

    def __init__(self, directory: Path, *arguments: str, dev: bool = True, config: str = "") -> None:
        self.directory = directory
        self.data_dir = directory / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.dev = dev
        self.arguments = arguments
        self.config = config
        self.command: Command | None = None
        self.agents: dict[str, Command] = {}
        self.api_key = ""
        self.client = httpx.Client(base_url=self.url, timeout=30.0, trust_env=False)
        self._starts = 0

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, environ: Mapping[str, str] | None = None) -> Self:
        """Start and wait until it is ready and knows this test as an operator."""
        self._starts += 1
        arguments = ["serve", "--port", str(self.port), "--data-dir", str(self.data_dir), *self.arguments]
        if self.dev:
            arguments.append("--dev")
        if self.config:
            path = self.directory / "config.toml"
            path.write_text(self.config)
            arguments += ["--config", str(path)]
        self.command = Command(arguments, self.directory / f"router-{self._starts}.log", environ)
        until_s = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready():
            if not self.command.is_running or time.monotonic() > until_s:
                raise RuntimeError(f"the router did not start:\n{self.command.log()}")
            time.sleep(0.02)
        # Another test's server may have been given the port meanwhile, and it would be that one which is ready.
        until_s = time.monotonic() + START_TIMEOUT_S
        while not (self.data_dir / "operator_token").exists():
            if not self.command.is_running or time.monotonic() > until_s:
                raise RuntimeError(f"the router did not start:\n{self.command.log()}")
            time.sleep(0.02)
        self.client.headers["authorization"] = f"Bearer {(self.data_dir / 'operator_token').read_text().strip()}"
        if not self.api_key or self.dev:
            self.api_key = self._find_key()
        return self

    def _is_ready(self) -> bool:
        try:
            return self.client.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def _find_key(self) -> str:
        if not self.dev:
            answer = self.client.post("/v0/api-keys", json={"name": "test", "scopes": ["api", "admin"]})
            return str(answer.json()["key"])
        assert self.command is not None
        found = re.search(r"sk-[\w-]+", self.command.log())
        assert found, self.command.log()
        return found[0]

    def agent(self, name: str, engine_url: str, *arguments: str, approve: bool = True) -> Command:
        """Start an agent beside an engine; with approve, return when its node is online."""
        command = Command(
            [
                *("agent", "--router-url", self.url, "--engine-url", engine_url, "--node-id", name, "--dev"),
                *("--heartbeat", "1", "--state-dir", str(self.directory / f"agent-{name}"), *arguments),
            ],
            self.directory / f"agent-{name}.log",
        )
        self.agents[name] = command
        if approve:
            self.wait_for(name, state="pending")
            self.call("POST", f"/v0/nodes/{name}/approve")
            self.wait_for(name, state="online")
        return command

    def call(self, method: str, path: str, **options: Any) -> Any:
        """One call of the control API as an operator; fails the test on an error."""
        answer = self.client.request(method, path, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def node(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/v0/nodes/{name}")
        return found

    def wait_for(self, name: str, *, timeout_s: float = 20.0, **wanted: Any) -> dict[str, Any]:
        """Wait until a node's fields have these values."""
        until_s = time.monotonic() + timeout_s
        seen: dict[str, Any] = {}
        while time.monotonic() < until_s:
            answer = self.client.get(f"/v0/nodes/{name}")
            if answer.status_code == 200:
                seen = answer.json()
                if all(seen[field] == value for field, value in wanted.items()):
                    return seen
            time.sleep(0.02)
        raise AssertionError(f"{name} did not become {wanted}: {seen}")

    def chat(self, model: str, **more: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8} | more
        return self.client.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {self.api_key}"})

    def quiet(self, *, timeout_s: float = 5.0) -> None:
        """Fail unless nothing is in flight any more and nothing leaked."""
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            nodes = self.call("GET", "/v0/nodes")["nodes"]
            metrics = self.client.get("/metrics").text
            if all(node["active_requests"] == 0 for node in nodes):
                assert re.search(r"^llmlb_leaked_leases_total 0$", metrics, re.M)
                return
            time.sleep(0.05)
        raise AssertionError(f"still active: {[(node['id'], node['active_requests']) for node in nodes]}")

    def end(self, number: signal.Signals = signal.SIGTERM, *, timeout_s: float = 15.0) -> int:
        assert self.command is not None
        return self.command.end(number, timeout_s=timeout_s)

    def close(self) -> None:
        self.client.close()
        for agent in self.agents.values():
            agent.close()
        if self.command is not None:
            self.command.close()


@contextmanager
def router_with(directory: Path, engines: Mapping[str, str], **options: Any) -> Iterator[RouterProcess]:
    """A router whose nodes, by name and engine URL, have joined and are online."""
    with RouterProcess(directory, **options) as router:
        for name, url in engines.items():
            router.agent(name, url)
        yield router
