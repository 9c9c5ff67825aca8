"""A router for tests of the console: seeded, scripted, in this process. It speaks through an httpx transport.

Nothing moves by itself: a test says ``beat``, ``change``, ``go_away``, and the feed carries it to the console.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from llmlb.client.control import ControlClient
from llmlb.clock import rfc3339

Json = dict[str, Any]

START_UNIX_S = 1_795_000_000.0
MODELS = ("llama-3.3-70b", "qwen3-32b", "bge-m3")
PAST = {
    "approve": "approved",
    "drain": "draining",
    "undrain": "undrained",
    "reject": "rejected",
    "delete": "deleted",
    "edit": "edited",
}


class FakeRouter(httpx.AsyncBaseTransport):
    """``nodes`` of them, as the seed makes them.

    is_feed_held_back: something between keeps an open feed to itself.
    mutations: every request that would change something.  failures: how acts on a node are answered, by its id.
    queries: of the last request to each path.  flows: what goes through nodes now.
    """

    def __init__(self, nodes: int = 12, *, seed: int = 1, role: str = "admin") -> None:
        self.rng = random.Random(seed)
        self.now_unix_s = START_UNIX_S
        self.role = role
        self.token = "jwt-1"
        self.passwords = {"alice": "secret"}
        self.is_away = False
        self.has_feed = True
        self.is_feed_held_back = False
        self.settings: Json = {
            "mode": "metrics",
            "gpu_threshold": 80.0,
            "vram_threshold": 90.0,
            "active_request_threshold": 10,
        }
        self.nodes: dict[str, Json] = {}
        self.histories: dict[str, list[Json]] = {}
        self.alerts: dict[str, Json] = {}
        self.keys: dict[str, Json] = {}
        self.requests: list[Json] = []
        self.past: list[Json] = []
        self.mutations: list[tuple[str, str, Any]] = []
        self.failures: dict[str, tuple[int, str]] = {}
        self.calls: list[tuple[str, str]] = []
        self.flows: dict[str, Json] = {}
        self.queries: dict[str, dict[str, str]] = {}
        self.last_event_ids: list[str | None] = []
        self._next_event = 1
        self._feeds: set[asyncio.Queue[bytes | None]] = set()
        for number in range(nodes):
            self.add_node(f"gpu-{number:04d}")

    def client(self) -> ControlClient:
        """A client of this router."""
        return ControlClient("http://router.test:8080", token="jwt-1", transport=self)

    # What a test says

    def add_node(self, node_id: str, **fields: object) -> Json:
        """A node, online unless said otherwise."""
        rng = self.rng
        place = len(self.nodes)
        model = MODELS[place % len(MODELS)]
        node: Json = {
            "id": node_id,
            "state": "online",
            "draining": False,
            "late": False,
            "url": f"http://10.0.{place // 250}.{place % 250 + 1}:8000",
            "machine_name": f"box-{place // 4}",
            "name": "",
            "tags": ["pool=chat" if place % 3 else "pool=embed"],
            "note": "",
            "gpu_usage": round(rng.uniform(5, 79), 1),
            "vram_usage": round(rng.uniform(20, 89), 1),
            "temperature": round(rng.uniform(40, 80), 1),
            "cpu_usage": round(rng.uniform(2, 60), 1),
            "memory_usage": round(rng.uniform(10, 70), 1),
            "active_requests": rng.randrange(0, 9),
            "total_requests": rng.randrange(0, 1_500_000),
            "failed_requests": rng.randrange(0, 40),
            "avg_response_time_ms": round(rng.uniform(80, 2400), 1),
            "avg_ttft_ms": round(rng.uniform(30, 400), 1),
            "last_seen": rfc3339(self.now_unix_s - rng.randrange(0, 4)),
            "uptime_seconds": float(rng.randrange(60, 1_200_000)),
            "heartbeats": rng.randrange(10, 400_000),
            "timeouts": rng.randrange(0, 3),
            "capability_score": rng.randrange(1000, 9000),
            "max_concurrency": 16,
            "loaded_models": [model],
            "available_models": [model],
            "gpus": [{"model": "H100", "vram_total_mb": 81559}],
            "metrics_available": True,
            "metrics_age_seconds": 1.0,
            "circuit": "closed",
            "excluded_by": [],
            "revision": 1,
            **fields,
        }
        self.nodes[node_id] = node
        self.histories[node_id] = [self._point(node, back) for back in range(10, 0, -1)]
        return node

    def _point(self, node: Json, back: int) -> Json:
        return {
            "at": rfc3339(self.now_unix_s - 30 * back),
            "gpu_usage": min(100.0, max(0.0, node["gpu_usage"] + self.rng.uniform(-15, 15))),
            "vram_usage": node["vram_usage"],
            "active_requests": self.rng.randrange(0, 9),
        }

    def beat(self, node_id: str, **fields: object) -> None:
        """A heartbeat: its figures change, its revision does not."""
        node = self.nodes[node_id]
        node.update(fields)
        node["heartbeats"] += 1
        node["last_seen"] = rfc3339(self.now_unix_s)
        self.tell("node", {"node_id": node_id, "node": node})

    def change(self, node_id: str, kind: str, cause: str, actor: str = "", **fields: object) -> None:
        """The node's state changes, and its revision with it."""
        node = self.nodes.get(node_id)
        if node is not None:
            node.update(fields)
            node["revision"] += 1
        self.tell("node", {"node_id": node_id, "node": node, "change": self._change(kind, node_id, cause, actor)})

    def remove(self, node_id: str, kind: str = "deleted") -> None:
        del self.nodes[node_id]
        self.change(node_id, kind, "")

    def alert(self, alert_id: str, **fields: object) -> None:
        """An alert fires."""
        self.alerts[alert_id] = {
            "id": alert_id,
            "rule": "node_offline",
            "severity": "critical",
            "subject": "gpu-0001",
            "node_id": "gpu-0001",
            "cause": "no heartbeat for 92 s",
            "hint": "Look at the node, its agent and the network.",
            "fired_at_unix_s": self.now_unix_s - 92,
            "resolved_at_unix_s": None,
            "acknowledged_by": "",
            "acknowledged_at_unix_s": None,
            "silenced_by": "",
            "silenced_until_unix_s": None,
            "is_firing": True,
            **fields,
        }
        self.tell("alert", {"alert": self.alerts[alert_id], "change": self._change("fired", "", "no heartbeat", "")})

    def change_settings(self, cause: str = "gpu 80 -> 90", actor: str = "user:bob", **fields: object) -> None:
        self.settings.update(fields)
        self.tell("settings", {"settings": self.settings, "change": self._change("settings", "", cause, actor)})

    def summarise(self) -> None:
        self.tell("fleet", {"fleet": self.fleet()})

    def go_away(self) -> None:
        """Nothing answers, and open feeds break."""
        self.is_away = True
        self._end_feeds()

    def come_back(self) -> None:
        self.is_away = False

    def expire_session(self) -> None:
        """The token is worth nothing any more."""
        self.token = "jwt-2"
        self._end_feeds()

    def tell(self, kind: str, data: Json) -> None:
        """Send an event to every open feed."""
        line = self._event(kind, data)
        for feed in self._feeds:
            feed.put_nowait(line)

    @property
    def feeds(self) -> int:
        return len(self._feeds)

    def _end_feeds(self) -> None:
        for feed in self._feeds:
            feed.put_nowait(None)

    def _change(self, kind: str, node_id: str, cause: str, actor: str) -> Json:
        return {"kind": kind, "node_id": node_id, "cause": cause, "actor": actor, "at_unix_s": self.now_unix_s}

    def _event(self, kind: str, data: object) -> bytes:
        self._next_event += 1
        return f"id: {self._next_event}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()

    def fleet(self) -> Json:
        rates = {
            "requests_per_second": 12.8,
            "tokens_per_second": 61_200.0,
            "error_percent": 0.3,
            "mean_ms": 412.0,
            "p50_ms": 380.0,
            "p95_ms": 1900.0,
            "ttft_p50_ms": 188.0,
            "ttft_p95_ms": 402.0,
        }
        return {
            "rates_by_node": self.flows,
            "nodes": {"total": len(self.nodes)},
            "in_flight": 17,
            "queued": 3,
            "queue": {MODELS[0]: 3},
            "rates": rates,
            "mass_silence": False,
            "status": "ready",
        }

    def snapshot(self) -> Json:
        return {
            "server_time": self.now_unix_s,
            "version": "1.0.3",
            "nodes": list(self.nodes.values()),
            "fleet": self.fleet(),
            "settings": self.settings,
            "alerts": list(self.alerts.values()),
        }

    # What the console asks

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path, method = request.url.path, request.method
        self.calls.append((method, path))
        self.queries[path] = dict(request.url.params)
        if self.is_away:
            raise httpx.ConnectError("connection refused", request=request)
        body = json.loads(await request.aread() or b"null")
        if path == "/v0/auth/login":
            return self._login(body)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _refused(401, "Your session has expired; log in with llmlb login.")
        if method != "GET" and "dry_run" not in str(request.url):
            self.mutations.append((method, path, body))
            if self.role != "admin":
                return _refused(403, "This needs the role admin.")
        return self._route(request, method, path, body)

    def _route(self, request: httpx.Request, method: str, path: str, body: Any) -> httpx.Response:
        revision = request.headers.get("if-match")
        match method, path.strip("/").split("/"):
            case "GET", ["v0", "auth", "me"]:
                return _json({"username": "alice", "role": self.role})
            case "GET", ["v0", "events"]:
                self.last_event_ids.append(request.headers.get("last-event-id"))
                return self._feed() if self.has_feed else _refused(404, "There is no feed.")
            case "GET", ["v0", "status"]:
                return _json({"server_time": rfc3339(self.now_unix_s), "version": "1.0.3"} | self.fleet())
            case "GET", ["v0", "events", "recent"]:
                return _json({"events": self.past[: int(request.url.params.get("limit", 100))]})
            case "GET", ["v0", "nodes"]:
                return _json({"nodes": list(self.nodes.values())})
            case "GET", ["v0", "nodes", node_id, "metrics"]:
                return _json({"node_id": node_id, "history": self.histories.get(node_id, [])})
            case "GET", ["v0", "nodes", node_id]:
                return self._detail(node_id)
            case "POST", ["v0", "nodes", node_id, verb]:
                return self._act(node_id, verb, revision)
            case "DELETE", ["v0", "nodes", node_id]:
                return self._act(node_id, "delete", revision)
            case "PATCH", ["v0", "nodes", node_id]:
                return self._act(node_id, "edit", revision, body)
            case "GET", ["v0", "settings", "load-balancer"]:
                return _json(self.settings)
            case "PUT", ["v0", "settings", "load-balancer"]:
                return self._put_settings(body, dry_run="dry_run=true" in str(request.url))
            case "GET", ["v0", "explain"]:
                return _json(self._explain(request.url.params["model"]))
            case "GET", ["v1", "models"]:
                return _json({"object": "list", "data": [{"id": model} for model in MODELS]})
            case _:
                return self._route_lists(method, path, body)

    def _route_lists(self, method: str, path: str, body: Any) -> httpx.Response:
        match method, path.strip("/").split("/"):
            case "GET", ["v0", "alerts"]:
                return _json({"alerts": list(self.alerts.values())})
            case "POST", ["v0", "alerts", alert_id, verb]:
                return self._alert_act(alert_id, verb, body)
            case "GET", ["v0", "requests"]:
                return _json({"requests": self.requests})
            case "GET", ["v0", "requests", request_id]:
                found = next((each for each in self.requests if each["id"] == request_id), None)
                return _json(found) if found else _refused(404, "There is no such request.")
            case "GET", ["v0", "api-keys"]:
                return _json({"api_keys": list(self.keys.values())})
            case "POST", ["v0", "api-keys"]:
                return self._create_key(body)
            case "DELETE", ["v0", "api-keys", key_id]:
                self.keys.pop(key_id, None)
                return httpx.Response(204)
            case _:
                return _refused(404, f"There is no {method} {path}.")

    def _login(self, body: Json) -> httpx.Response:
        if self.passwords.get(body["username"]) != body["password"]:
            return _refused(401, "The name or the password is wrong.")
        user = {"username": body["username"], "role": self.role}
        return _json({"token": self.token, "expires_in": 43_200, "user": user})

    def _feed(self) -> httpx.Response:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        if not self.is_feed_held_back:
            queue.put_nowait(self._event("snapshot", self.snapshot()))
        self._feeds.add(queue)
        stream = _Feed(queue, lambda: self._feeds.discard(queue))
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)

    def _detail(self, node_id: str) -> httpx.Response:
        if node_id not in self.nodes:
            return _refused(404, f"No node is called {node_id}.")
        return _json(
            self.nodes[node_id]
            | {
                "history": self.histories[node_id],
                "circuit_detail": {"state": "closed", "failures_in_row": 0, "ejections": 1, "open_for_seconds": 0.0},
                "last_error": "connect timeout",
                "engine": "vllm",
                "agent_version": "0.1.0",
                "heartbeat_secs": 30.0,
                "queue_depth": 2,
                "kv_cache_usage": 41.5,
                "selections": {"least_active": 812, "round_robin": 31},
                "registered_at": rfc3339(START_UNIX_S - 90_000),
                "approved_at": rfc3339(START_UNIX_S - 89_000),
            }
        )

    def _act(self, node_id: str, verb: str, if_match: str | None, body: Json | None = None) -> httpx.Response:
        node = self.nodes.get(node_id)
        if node is None:
            return _refused(404, f"No node is called {node_id}.")
        if node_id in self.failures:
            return _refused(*self.failures[node_id])
        if if_match is not None and if_match != str(node["revision"]):
            return _refused(409, "The node has changed.")
        if verb in ("reject", "delete"):
            self.remove(node_id, PAST[verb])
            return httpx.Response(204) if verb == "delete" else _json(node)
        fields: dict[str, Json] = {
            "approve": {"state": "online"},
            "drain": {"draining": True},
            "undrain": {"draining": False},
            "edit": body or {},
        }
        self.change(node_id, PAST[verb], "", "user:alice", **fields[verb])
        return _json(node)

    def _put_settings(self, body: Json, *, dry_run: bool) -> httpx.Response:
        if not dry_run:
            self.change_settings(**body)
            return _json(self.settings)
        then = self.settings | body
        excluded = [
            {"id": node["id"], "excluded_by": over} for node in self.nodes.values() if (over := _over(node, then))
        ]
        lost = sorted(self._served(self.settings) - self._served(then))
        changes = {"newly_excluded": [], "no_longer_excluded": [], "models_losing_last_node": lost}
        return _json(then | {"dry_run": True, "excluded": excluded} | changes)

    def _served(self, settings: Json) -> set[str]:
        online = (node for node in self.nodes.values() if node["state"] == "online" and not node["draining"])
        return {model for node in online if not _over(node, settings) for model in node["loaded_models"]}

    def _alert_act(self, alert_id: str, verb: str, body: Any) -> httpx.Response:
        alert = self.alerts.get(alert_id)
        if alert is None:
            return _refused(404, "No such alert fires.")
        if verb == "ack":
            alert["acknowledged_by"] = "user:alice"
        else:
            alert["silenced_until_unix_s"] = self.now_unix_s + body["seconds"] if body["seconds"] else None
        return _json(alert)

    def _create_key(self, body: Json) -> httpx.Response:
        key_id = f"key-{len(self.keys) + 1}"
        self.keys[key_id] = {
            "id": key_id,
            "name": body["name"],
            "scopes": body["scopes"],
            "created_at": rfc3339(self.now_unix_s),
            "expires_at": None,
            "models": None,
            "requests_per_minute": None,
        }
        return _json(self.keys[key_id] | {"key": "sk-shown-once"})

    def _explain(self, model: str) -> Json:
        names = ("id", "state", "excluded_by", "active_requests", "max_concurrency", "capability_score", "gpu_usage",
                 "vram_usage", "circuit")  # fmt: skip
        nodes = []
        for node in self.nodes.values():
            is_eligible = node["state"] == "online"
            because = None if is_eligible else node["state"]
            nodes.append(
                {name: node[name] for name in names} | {"eligible": is_eligible, "ineligible_because": because}
            )
        choice = {"node": nodes[0]["id"], "reason": "least_active"}
        return {"model": model, "resolved": model, "mode": "metrics", "choice": choice, "refusal": None, "nodes": nodes}


class _Feed(httpx.AsyncByteStream):
    """The bytes of one open feed; None ends it."""

    def __init__(self, queue: asyncio.Queue[bytes | None], closed: Callable[[], None]) -> None:
        self._queue = queue
        self._closed = closed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._queue.get()) is not None:
            yield chunk

    async def aclose(self) -> None:
        self._closed()


def _over(node: Json, settings: Json) -> list[str]:
    limits = (
        ("gpu", "gpu_usage", "gpu_threshold"),
        ("vram", "vram_usage", "vram_threshold"),
        ("active", "active_requests", "active_request_threshold"),
    )
    return [name for name, field, limit in limits if node[field] > settings[limit]]


def _json(value: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=value)


def _refused(status: int, message: str) -> httpx.Response:
    error = {"message": message, "type": "invalid_request_error", "code": "refused", "param": None}
    return _json({"error": error}, status)
