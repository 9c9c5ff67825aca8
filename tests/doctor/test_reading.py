"""How router and engines are asked: real sockets on this machine, and one fleet from end to end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llmlb.client.credentials import Credential, Target
from llmlb.doctor.checks import diagnose
from llmlb.doctor.engines import MAX_ENGINES, read_engines
from llmlb.doctor.machine import read_machine
from llmlb.doctor.reading import NO_LOGIN, NOT_ANSWERED, OTHER_DATA, read_world
from llmlb.doctor.router import read_answer
from llmlb.doctor.world import NodeState
from llmlb.store import Store

Answers = dict[str, tuple[int, dict[str, str], bytes]]


@contextmanager
def serving(answers: Answers, *, idle_s: float = 30.0) -> Iterator[int]:
    """An HTTP server with these answers by path, which closes connections that are idle for so long."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = idle_s

        def do_GET(self) -> None:
            status, headers, body = answers.get(self.path.partition("?")[0], (404, {}, b"{}"))
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _ok(value: object, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return 200, {name.replace("_", "-"): text for name, text in headers.items()}, json.dumps(value).encode()


def _node(port: int) -> NodeState:
    return NodeState(id="gpu-1", url=f"http://127.0.0.1:{port}")


def test_an_ollama_behind_a_proxy_is_recognised_as_both() -> None:
    answers = {"/v1/models": _ok({"data": []}, Via="1.1 edge\x1b[2J"), "/api/ps": _ok({"models": []})}
    with serving(answers) as port:
        engine = read_engines([_node(port)], keep_alive_s=0.0, loopback_allowed=True, own=None)["gpu-1"]
    assert (engine.status, engine.is_ollama, engine.is_local, engine.problem) == (200, True, True, "")
    assert engine.headers["via"] == "1.1 edge[2J"


def test_an_engine_that_closes_idle_connections_sooner_than_the_router_is_seen_doing_so() -> None:
    with serving({"/v1/models": _ok({})}, idle_s=0.05) as port:
        engine = read_engines([_node(port)], keep_alive_s=3.0, loopback_allowed=True, own=None)["gpu-1"]
    assert engine.closed_after_s is not None
    assert engine.closed_after_s < 3.0


def test_an_engine_that_keeps_connections_longer_is_in_order() -> None:
    with serving({"/v1/models": _ok({})}) as port:
        engine = read_engines([_node(port)], keep_alive_s=0.01, loopback_allowed=True, own=None)["gpu-1"]
    assert engine.closed_after_s is None


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://127.0.0.1:{port}", "http://u:p@10.0.0.1:1", "ftp://x", "\x1b[2J"]
)
def test_no_node_leads_this_machine_where_a_router_would_not_go(url: str) -> None:
    with serving({}) as port:
        node = NodeState(id="x", url=url.format(port=port))
        engine = read_engines([node], keep_alive_s=0.0, loopback_allowed=False, own=None)["x"]
    assert "not dialled" in engine.why_not


def test_pending_nodes_are_never_dialled_and_a_large_fleet_is_sampled() -> None:
    nodes = [NodeState(id=f"n{number}", url="http://127.0.0.1:9") for number in range(MAX_ENGINES + 2)]
    found = read_engines(
        [NodeState(id="p", url="http://127.0.0.1:9", state="pending"), *nodes],
        keep_alive_s=0.0,
        loopback_allowed=True,
        own=None,
    )
    assert "p" not in found
    assert [name for name, engine in found.items() if engine.why_not] == [f"n{MAX_ENGINES}", f"n{MAX_ENGINES + 1}"]
    assert found["n0"].problem == "connection refused"


def test_the_clock_and_the_proxy_of_this_shell_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    live = _ok({"status": "live"}, Date="Sat, 31 Jan 2026 12:00:00 GMT", x_llmlb_request_id="1")
    with serving({"/health/live": live}) as port:
        target = Target(f"http://127.0.0.1:{port}", "test")
        answer = read_answer(target, timeout_s=5.0)
        assert (answer.is_there, answer.status, answer.proxy) == (True, 200, "")
        assert answer.skew_s is not None
        assert answer.skew_s < -1_000_000
        monkeypatch.setenv("http_proxy", "http://user:secret@proxy.example:3128")
        assert read_answer(target, timeout_s=5.0).proxy == "proxy.example:3128"
        monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
        assert read_answer(target, timeout_s=5.0).proxy == ""


def _listed(port: int, **fields: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "id": "gpu-1",
        "url": f"http://127.0.0.1:{port}",
        "state": "online",
        "circuit": "closed",
        "loaded_models": ["m"],
        "available_models": ["m"],
        "metrics_available": True,
        "gpus": [{"model": "H100"}],
        "active_requests": 2,
        "excluded_by": ["gpu"],
        "heartbeat_secs": 30,
        "agent": True,
        "registered_at": "2026-01-31T12:00:00Z",
    }
    return {**usual, **fields}


def _router(node: Mapping[str, object]) -> Answers:
    attempts = [{"attempts": [{"node_id": "gpu-1", "cause": "no connection within 2 s"}]}] * 3
    thresholds = {"mode": "metrics", "gpu_threshold": 80, "active_request_threshold": 10}
    return {
        "/health/live": _ok({}, x_llmlb_request_id="1"),
        "/v0/status": _ok({"version": "0.0.1", "uptime_seconds": 5.0}),
        "/v0/settings/load-balancer": _ok(thresholds),
        "/v0/nodes": _ok({"nodes": [node]}),
        "/v0/nodes/gpu-1": _ok(node),
        "/v0/requests": _ok({"requests": attempts}),
        "/v0/load-balancer/stats": _ok({"reasons": {"least_active": 3}}),
        "/v0/events": (200, {"Content-Type": "text/event-stream"}, b"id: 1\nevent: snapshot\ndata: {}\n\n"),
    }


def test_a_whole_fleet_is_read_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with (
        Store.open(tmp_path / "data"),
        serving({"/v1/models": (401, {}, b"{}")}) as engine,
        serving(_router(_listed(engine))) as port,
    ):
        world = read_world(
            Target(f"http://127.0.0.1:{port}", "test", credential=Credential("t", "test")),
            lambda: read_machine(
                tmp_path / "data",
                environ={"LLMLB_PORT": str(port), "LLMLB_TIMEOUTS_NODE_KEEP_ALIVE": "0"},
                working_dir=tmp_path,
            ),
            timeout_s=5.0,
        )
    found = {check for check, _ in diagnose(world).findings}
    assert found == {"version_skew", "gpu_threshold", "node_times_out", "engine_wants_key"}


def test_a_directory_that_no_router_holds_says_nothing_about_the_one_that_answers(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    with serving(_router(_listed(9, state="pending", excluded_by=[]))) as port:
        world = read_world(
            Target(f"http://127.0.0.1:{port}", "test"),
            lambda: read_machine(tmp_path / "data", environ={}, working_dir=tmp_path),
            timeout_s=5.0,
        )
    assert (world.machine, world.no_machine) == (None, OTHER_DATA)
    assert "data_access" in diagnose(world).skipped


def test_without_a_login_the_fleet_is_left_out_and_so_said(tmp_path: Path) -> None:
    answers = {"/health/live": _ok({}, x_llmlb_request_id="1"), "/v0/status": (401, {}, b"{}")}
    with serving(answers) as port:
        world = read_world(
            Target(f"http://127.0.0.1:{port}", "test"),
            lambda: read_machine(tmp_path / "data", environ={}, working_dir=tmp_path),
            timeout_s=5.0,
        )
    assert (world.fleet, world.no_fleet) == (None, NO_LOGIN)


def test_a_dead_router_elsewhere_leaves_this_machine_alone() -> None:
    def never() -> object:
        raise AssertionError("this machine is not the router's")

    world = read_world(Target("http://192.0.2.1:1", "test"), never, timeout_s=0.05)  # type: ignore[arg-type]  # never called
    assert (world.machine, world.fleet, world.no_fleet) == (None, None, NOT_ANSWERED)
    assert [check for check, _ in diagnose(world).findings] == ["router_down"]
