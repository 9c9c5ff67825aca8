"""The balancers that are measured: how each is installed, started and told of the engines."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.dataplane.scenarios import MODEL
from benchmarks.dataplane.tools import BALANCER_CPU, ENGINE_PORT, ENGINES, Missing, cache_dir, family, pin

START_S = 60.0
ENGINE_URLS = [f"http://127.0.0.1:{ENGINE_PORT + index}" for index in range(ENGINES)]


class Balancer(ABC):
    """One contender. ready_path: answers once it serves.  key: what clients send as Bearer."""

    name: ClassVar[str]
    port: ClassVar[int]
    kind: ClassVar[str]
    ready_path: ClassVar[str] = "/health"

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch / self.name
        self.scratch.mkdir()
        self.key = "sk-bench-0123456789abcdef0123456789abcdef"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """How it is started. Raises Missing where it cannot be had."""

    def environment(self) -> dict[str, str]:
        return {}

    def start(self) -> None:
        """Start, wait until it answers, and pin it."""
        command = self.command()
        with (self.scratch / "output.txt").open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=os.environ | self.environment()
            )
        deadline_s = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                tail = (self.scratch / "output.txt").read_text(errors="replace")[-300:]
                raise Missing(f"it did not start: {tail.strip()}")
            time.sleep(0.1)
        self.prepare()
        self.pin()

    def prepare(self) -> None:
        """Whatever is to be done once it serves."""

    def pin(self) -> None:
        for pid in self.pids:
            pin(pid, BALANCER_CPU)

    @property
    def pids(self) -> list[int]:
        return family(self._process.pid) if self._process is not None else []

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.ready_path}", timeout=1):
                return True
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False


class Nginx(Balancer):
    name, port, kind = "nginx", 9201, "C"

    def command(self) -> list[str]:
        program = _installed("nginx")
        servers = " ".join(f"server {url.removeprefix('http://')};" for url in ENGINE_URLS)
        temporary = " ".join(
            f"{kind}_temp_path {self.scratch}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = self.scratch / "nginx.conf"
        configuration.write_text(
            f"worker_processes 1; daemon off; pid {self.scratch}/pid; error_log {self.scratch}/errors.txt;\n"
            "events { worker_connections 8192; }\n"
            "http { access_log off; keepalive_requests 100000000; keepalive_timeout 75; client_max_body_size 64m;\n"
            f"client_body_buffer_size 128k; tcp_nodelay on; {temporary}\n"
            f"upstream engines {{ least_conn; {servers} keepalive 1024; keepalive_requests 100000000; }}\n"
            f"server {{ listen 127.0.0.1:{self.port} backlog=4096; location / {{ proxy_pass http://engines;\n"
            'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;\n'
            "proxy_buffering off; proxy_read_timeout 600; } } }\n"
        )
        return [program, "-c", str(configuration), "-p", str(self.scratch)]


class HAProxy(Balancer):
    name, port, kind = "haproxy", 9202, "C"

    def command(self) -> list[str]:
        program = _installed("haproxy")
        servers = "\n".join(
            f"  server s{index} {url.removeprefix('http://')} check" for index, url in enumerate(ENGINE_URLS)
        )
        configuration = self.scratch / "haproxy.cfg"
        configuration.write_text(
            "global\n  maxconn 8192\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 600s\n"
            "  timeout server 600s\n  timeout http-keep-alive 75s\n  option http-no-delay\n  http-reuse always\n"
            f"frontend f\n  bind 127.0.0.1:{self.port} backlog 4096\n  default_backend b\n"
            f"backend b\n  balance leastconn\n  option redispatch\n{servers}\n"
        )
        return [program, "-f", str(configuration)]


class Llmlb(Balancer):
    """llmlb as shipped: keys, selection by figures, metrics, records, an access line for each request."""

    name, port, kind = "llmlb", 9203, "Python"
    ready_path = "/health/ready"

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        self._tokens: dict[str, str] = {}
        self._stopped = threading.Event()

    def command(self) -> list[str]:
        data = self.scratch / "data"
        data.mkdir(mode=0o700)
        return [sys.executable, "-m", "llmlb_cli", "serve", "--port", str(self.port), "--data-dir", str(data)]

    def environment(self) -> dict[str, str]:
        return {"LLMLB_ADMIN_PASSWORD": "bench-password-1", "LLMLB_CONFIG_DIR": str(self.scratch)}

    def prepare(self) -> None:
        login = self._call("POST", "/v0/auth/login", {"username": "admin", "password": "bench-password-1"})
        operator = {"Authorization": f"Bearer {login['token']}"}
        made = self._call("POST", "/v0/api-keys", {"name": "bench", "scopes": ["api"]}, operator)
        self.key = made["key"]
        for index, url in enumerate(ENGINE_URLS):
            node = self._call("POST", "/v0/nodes", {"url": url, "node_id": f"bench-{index}", "engine": "vllm"})
            self._tokens[node["node_id"]] = node["node_token"]
        self._beat()
        for node_id in self._tokens:
            self._call("POST", f"/v0/nodes/{node_id}/approve", None, operator)
        threading.Thread(target=self._beat_on, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        super().stop()

    def _beat_on(self) -> None:
        while not self._stopped.wait(10):
            with contextlib.suppress(OSError):
                self._beat()

    def _beat(self) -> None:
        for node_id, token in self._tokens.items():
            beat = {
                "node_id": node_id,
                "gpu_metrics": {"usage": 40.0, "vram_usage": 50.0, "temperature": 60.0},
                "loaded_models": [MODEL],
                "heartbeat_secs": 10,
            }
            self._call("POST", "/v0/health", beat, {"X-Node-Token": token})

    def _call(self, method: str, path: str, body: object, headers: dict[str, str] | None = None) -> Any:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Content-Type": "application/json", **(headers or {})},
            method=method,
        )
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read(300).decode()}") from None


class _FromIndex(Balancer):
    """A balancer from the package index, installed into an environment of its own."""

    requirement: ClassVar[str]

    def program(self, name: str) -> str:
        home = cache_dir() / self.requirement.partition("[")[0].replace("==", "-")
        if not (home / "complete").exists():
            print(f"  installing {self.requirement} ...", file=sys.stderr, flush=True)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
            install = [str(home / "bin/python"), "-m", "pip", "install", "-q", self.requirement]
            if subprocess.run(install, check=False, capture_output=True, timeout=900).returncode != 0:
                raise Missing(f"{self.requirement} could not be installed")
            (home / "complete").touch()
        return str(home / "bin" / name)


class VllmRouter(_FromIndex):
    name, port, kind = "vllm-router", 9204, "Rust"
    requirement = "vllm-router==0.1.17"

    def command(self) -> list[str]:
        return [
            self.program("vllm-router"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--policy", "round_robin"),
            *("--prometheus-port", "9304", "--worker-urls", *ENGINE_URLS),
        ]


class SglangRouter(_FromIndex):
    name, port, kind = "sglang-router", 9205, "Rust"
    requirement = "sglang-router==0.3.2"

    def command(self) -> list[str]:
        return [
            self.program("python"),
            *("-m", "sglang_router.launch_router", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--policy", "round_robin", "--prometheus-port", "9305", "--worker-urls", *ENGINE_URLS),
        ]


class Smg(_FromIndex):
    name, port, kind = "smg", 9206, "Rust"
    requirement = "smg==1.13.0"

    def command(self) -> list[str]:
        return [
            self.program("smg"),
            *("launch", "--host", "127.0.0.1", "--port", str(self.port), "--policy", "round_robin"),
            *("--prometheus-port", "9306", "--worker-urls", *ENGINE_URLS),
        ]


class LiteLLM(_FromIndex):
    name, port, kind = "litellm", 9207, "Python"
    requirement = "litellm[proxy]==1.106.2"
    ready_path = "/health/liveliness"

    def command(self) -> list[str]:
        configuration = self.scratch / "config.yaml"
        deployments = "\n".join(
            f"  - model_name: {MODEL}\n    litellm_params:\n      model: openai/{MODEL}\n      api_base: {url}/v1\n"
            "      api_key: none"
            for url in ENGINE_URLS
        )
        configuration.write_text(f"model_list:\n{deployments}\ngeneral_settings:\n  master_key: {self.key}\n")
        return [
            self.program("litellm"),
            *("--config", str(configuration), "--host", "127.0.0.1", "--port", str(self.port)),
            *("--telemetry", "False"),
        ]

    def environment(self) -> dict[str, str]:
        return {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}


QUICK: tuple[type[Balancer], ...] = (Nginx, HAProxy, Llmlb)
ALL: tuple[type[Balancer], ...] = (Nginx, HAProxy, Llmlb, VllmRouter, SglangRouter, Smg, LiteLLM)


def _installed(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Missing(f"{name} is not installed: it comes with every distribution")
    return found
