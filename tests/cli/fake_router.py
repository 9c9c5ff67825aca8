"""A router of a few lines for the commands to talk to: real sockets, scripted answers, every request kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, unquote, urlsplit

Body = dict[str, object]
TOKEN = "jwt-of-the-test"


class Asked(NamedTuple):
    """One request as the router saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: object


class Answer(NamedTuple):
    status: int
    body: object = None
    headers: tuple[tuple[str, str], ...] = ()


Route = Callable[[Asked], Answer]


def refusal(status: int, code: str, message: str = "refused") -> Answer:
    """An error in the router's shape."""
    return Answer(status, {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": None}})


def node(node_id: str, **fields: object) -> Body:
    """A node as the router lists one, online and idle unless told otherwise."""
    usual: Body = {
        "id": node_id,
        "state": "online",
        "draining": False,
        "late": False,
        "url": f"http://10.0.0.1:8000/{node_id}",
        "machine_name": "rack-1",
        "name": "",
        "tags": [],
        "note": "",
        "gpu_usage": 45.5,
        "vram_usage": 78.2,
        "temperature": 65.0,
        "cpu_usage": 30.0,
        "memory_usage": 50.0,
        "active_requests": 2,
        "total_requests": 1234,
        "failed_requests": 3,
        "avg_response_time_ms": 830.4,
        "avg_ttft_ms": 120.0,
        "last_seen": "2026-01-31T12:00:00Z",
        "uptime_seconds": 3720.0,
        "heartbeats": 124,
        "timeouts": 1,
        "capability_score": 8120,
        "max_concurrency": None,
        "loaded_models": ["llama-3.2-1b"],
        "available_models": ["llama-3.2-1b", "qwen3-8b"],
        "gpus": [{"model": "H100", "vram_total_mb": 81559}],
        "metrics_available": True,
        "metrics_age_seconds": 9.0,
        "circuit": "closed",
        "excluded_by": [],
        "revision": 5,
    }
    return {**usual, **fields}


class FakeRouter:
    """Serves on a free port of this machine until it is closed. ``answers`` override what it would say."""

    def __init__(self) -> None:
        self.nodes: dict[str, Body] = {}
        self.settings: Body = {
            "mode": "metrics",
            "gpu_threshold": 80.0,
            "vram_threshold": 90.0,
            "active_request_threshold": 10,
        }
        self.keys: list[Body] = []
        self.users: list[Body] = [
            {"id": "usr_1", "username": "admin", "role": "admin", "created_at": "", "last_login": None}
        ]
        self.me: Body = {"username": "admin", "role": "admin", "kind": "user"}
        self.asked: list[Asked] = []
        self.answers: dict[tuple[str, str], Answer | Route] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, *nodes: Body) -> None:
        self.nodes.update({str(each["id"]): each for each in nodes})

    def told(self, method: str, path: str) -> list[Asked]:
        """The requests of that method and path, in order."""
        return [asked for asked in self.asked if (asked.method, asked.path) == (method, path)]

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        scripted = self.answers.get((asked.method, asked.path))
        if scripted is not None:
            return scripted(asked) if callable(scripted) else scripted
        if asked.path == "/health/ready":
            return Answer(200, {"status": "ready"})
        if asked.path == "/v0/auth/login":
            return Answer(200, {"token": TOKEN, "expires_in": 43_200, "user": self.me})
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return refusal(401, "unauthorized", "This needs a login; run llmlb login.")
        return self._control(asked)

    def _control(self, asked: Asked) -> Answer:
        match asked.method, asked.path.strip("/").split("/"):
            case "GET", ["v0", "nodes"]:
                state = asked.query.get("state")
                return Answer(200, {"nodes": [each for each in self.nodes.values() if state in (None, each["state"])]})
            case "POST", ["v0", "nodes"]:
                return Answer(201, {"node_id": "node-9", "state": "online", "node_token": "nt_secret"})
            case _, ["v0", "nodes", node_id, *verb]:
                return self._node(asked, unquote(node_id), "".join(verb))
            case _, ["v0", "settings", "load-balancer"]:
                return self._settings(asked)
            case "GET", ["v0", "api-keys"]:
                return Answer(200, {"api_keys": self.keys})
            case "POST", ["v0", "api-keys"]:
                assert isinstance(asked.body, dict)
                return Answer(201, {"id": "key_1", "key": "sk-secret", "expires_at": None, **asked.body})
            case "GET", ["v0", "users"]:
                return Answer(200, {"users": self.users})
            case "GET", ["v0", "auth", "me"]:
                return Answer(200, self.me)
            case "POST", ["v0", "users"]:
                return Answer(201, asked.body)
            case (("DELETE" | "PATCH" | "POST"), ["v0", ("api-keys" | "users" | "auth"), *_]):
                return Answer(204)
            case _:
                return refusal(404, "not_found")

    def _node(self, asked: Asked, node_id: str, verb: str) -> Answer:
        known = self.nodes.get(node_id)
        if known is None:
            return refusal(404, "node_not_found", f"No node is called {node_id}.")
        if asked.headers.get("if-match", str(known["revision"])) != str(known["revision"]):
            return refusal(409, "revision_mismatch", f"{node_id} has changed.")
        if asked.method == "DELETE":
            del self.nodes[node_id]
            return Answer(204)
        if asked.method == "PATCH":
            assert isinstance(asked.body, dict)
            known.update(asked.body)
        changes: dict[str, Body] = {
            "approve": {"state": "online"},
            "drain": {"draining": True},
            "undrain": {"draining": False},
        }
        known.update(changes.get(verb, {}))
        return Answer(200, {**known, "history": [], "last_error": None})

    def _settings(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            return Answer(200, self.settings)
        assert isinstance(asked.body, dict)
        wanted = {**self.settings, **asked.body}
        if asked.query.get("dry_run") == "true":
            return Answer(200, {**wanted, "dry_run": True, **self._preview(wanted)})
        self.settings = wanted
        return Answer(200, wanted)

    def _preview(self, wanted: Body) -> Body:
        def over(settings: Body) -> list[str]:
            limit = settings["gpu_threshold"]
            assert isinstance(limit, int | float)
            return [name for name, each in self.nodes.items() if float(str(each["gpu_usage"])) > limit]

        then, now = over(wanted), over(self.settings)
        shown = ("id", "state", "gpu_usage", "vram_usage", "metrics_available", "active_requests")
        excluded = [{**{field: self.nodes[name][field] for field in shown}, "excluded_by": ["gpu"]} for name in then]
        return {
            "excluded": excluded,
            "newly_excluded": [name for name in then if name not in now],
            "no_longer_excluded": [name for name in now if name not in then],
            "models_losing_last_node": sorted(self._served(now) - self._served(then)),
        }

    def _served(self, excluded: list[str]) -> set[str]:
        found: set[str] = set()
        for name, each in self.nodes.items():
            models = each["loaded_models"]
            assert isinstance(models, list)
            found.update(models if name not in excluded else ())
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        router = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = router.answer(Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body))
                content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                content = b"" if answer.body is None else content
                self.send_response(answer.status)
                for name, value in (("Content-Length", str(len(content))), *answer.headers):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing: the test reads ``asked``."""

        return Handler
