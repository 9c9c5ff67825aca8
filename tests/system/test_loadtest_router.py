"""The load test against a real router with real llama.cpp engines."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.llama import LlamaServer
from fakes.router import RouterProcess, router_with

pytestmark = pytest.mark.system

ATTEMPTS = 3
DISHONEST = 11

Start = Callable[..., LlamaServer]
Fleet = tuple[RouterProcess, list[LlamaServer]]


@pytest.fixture
def fleet(tmp_path: Path, llama_servers: Start) -> Iterator[Fleet]:
    """Three nodes with the model ``tiny``."""
    engines = [llama_servers() for _ in range(3)]
    with router_with(tmp_path, {f"node-{n}": engine.url for n, engine in enumerate(engines, 1)}) as router:
        yield router, engines


def environ(router: RouterProcess) -> dict[str, str]:
    """An operator on the router's machine: no key at hand, only the local credential."""
    own = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "LLMLB_URL": router.url,
        "LLMLB_DATA_DIR": str(router.data_dir),
        "LLMLB_STATE_DIR": str(router.directory / "state"),
        "LLMLB_CONFIG_DIR": str(router.directory / "config"),
    }
    return {name: text for name, text in os.environ.items() if not name.startswith("LLMLB_")} | own


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "llmlb_cli", "loadtest", *arguments]


def loadtest(router: RouterProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One run; again where another process held the machine and the client says that it could not keep up."""
    for _ in range(ATTEMPTS):
        done = subprocess.run(
            command(*arguments), env=environ(router), capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != DISHONEST:
            break
    return done


def test_thirty_requests_with_nothing_else_work_for_an_operator_and_leave_no_key_behind(fleet: Fleet) -> None:
    router, _ = fleet
    done = loadtest(router, "-n", "30")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Success: 30/30  PASS\n")
    assert re.findall(r"node-\d +10 +33%", done.stdout), done.stdout
    (row,) = [line for line in done.stdout.splitlines() if "ttft      since schedule" in line]
    assert row.count("–") == 3, "30 requests carry no p95, p99 and p99.9"
    assert router.call("GET", "/v0/api-keys") == {"api_keys": []}


def test_a_killed_engine_loses_no_request_that_had_no_token_yet(fleet: Fleet) -> None:
    router, engines = fleet
    with subprocess.Popen(
        command("-r", "20", "-d", "4s", "--output-tokens", "40", "-o", "ndjson", "--fail-if", "lost>0"),
        env=environ(router),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        result = {}
        for line in process.stdout:
            told = json.loads(line)
            if told["type"] == "progress" and told["done"] >= 20 and engines[0].is_running:
                engines[0].kill()
            if told["type"] == "result":
                result = told
    assert process.returncode == 0
    assert result["balance"]["lost"] == 0
    assert result["totals"]["scheduled"] > 60
    endings = set(result["totals"]["endings"])
    assert endings <= {"ok", "ok_length", "stream_error_event", "truncated"}
    assert result["totals"]["failed"] == result["balance"]["broken"]


def test_the_balancers_overhead_is_measured_against_the_nodes_themselves(fleet: Fleet) -> None:
    router, _ = fleet
    done = loadtest(router, "--vs", "direct", "-n", "30", "--output-tokens", "8", "--json", "-", "--seed", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    pairs = json.loads(done.stdout)["pairs"]
    assert (pairs["pairs"], pairs["dropped"], pairs["misrouted"]) == (30, 0, 0)
    assert abs(pairs["differences"]["ttft_service"]["p50"]) < 50


def test_without_a_router_it_is_unreachable_with_a_next_step(fleet: Fleet) -> None:
    router, _ = fleet
    router.end(signal.SIGTERM)
    done = loadtest(router, "-n", "2")
    assert done.returncode == 3
    assert "cannot reach" in done.stderr
    assert "Traceback" not in done.stderr


def test_on_a_terminal_it_draws_and_ctrl_c_keeps_the_partial_result(fleet: Fleet) -> None:
    router, _ = fleet
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command("-d", "60s", "-c", "3", "--output-tokens", "20"),
        env=environ(router) | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    try:
        seen = read_until(leader, rb"node-1 +\d+", timeout_s=20)
        process.send_signal(signal.SIGINT)
        seen += read_until(leader, rb"Success: \d+/\d+  INTERRUPTED", timeout_s=10)
        assert process.wait(10) == 130
    finally:
        process.kill()
        process.wait()
        os.close(leader)
    assert b"Traceback" not in seen
    assert router.call("GET", "/v0/api-keys") == {"api_keys": []}


def read_until(terminal: int, wanted: bytes, *, timeout_s: float) -> bytes:
    """What the terminal shows until the wanted text came."""
    seen = b""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                break
        if re.search(wanted, seen):
            return seen
    raise AssertionError(f"never saw {wanted!r}: {seen[-2000:]!r}")
