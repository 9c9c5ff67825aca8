"""A router and an engine without sockets, for the agent's life on a virtual clock."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from agent.virtual_time import run_virtually

from llmlb.agent.agent import AgentRun, run_agent
from llmlb.agent.gauges import Figures, Gauges
from llmlb.agent.gpus import GpuReport
from llmlb.agent.host import HostReport
from llmlb.agent.score import Gpu

ROUTER_URL = "http://router.test:8080"
ENGINE_URL = "http://engine.test:11434"

OLLAMA_PAGES: Mapping[str, object] = {
    "/": "Ollama is running",
    "/api/version": {"version": "0.12.6"},
    "/api/tags": {"models": [{"name": "llama3.2:1b"}, {"name": "qwen3:8b"}]},
    "/api/ps": {"models": [{"name": "llama3.2:1b", "context_length": 4096}]},
}


@dataclass
class Message:
    """One request that the router received."""

    at_s: float
    path: str
    headers: Mapping[str, str]
    body: dict[str, object]


Answer = tuple[int, object]


class FakeRouter:
    """Registers and counts heartbeats as the contract says; ``answers`` overrides what it would say, in turn."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self.state = "pending"
        self.draining = False
        self.heartbeat_secs: float | None = None
        self.is_up = True
        self.is_forgetful = False
        self.messages: list[Message] = []
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self._issued = 0

    def at(self, path: str) -> list[Message]:
        return [message for message in self.messages if message.path == path]

    @property
    def registrations(self) -> list[Message]:
        return self.at("/v0/nodes")

    @property
    def heartbeats(self) -> list[Message]:
        return self.at("/v0/health")

    def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        body = json.loads(request.content)
        now_s = asyncio.get_running_loop().time()
        self.messages.append(Message(now_s, path, dict(request.headers), body))
        if not self.is_up:
            raise httpx.ConnectError("refused", request=request)
        if self.answers[path]:
            status, answer = self.answers[path].pop(0)
            return httpx.Response(status, json=answer)
        return self._register(request, body) if path == "/v0/nodes" else self._beat(request, body)

    def _register(self, request: httpx.Request, body: Mapping[str, object]) -> httpx.Response:
        presented = request.headers.get("x-node-token", "")
        node_id = str(body.get("node_id") or self._node_of(presented) or f"node-{len(self.tokens) + 1}")
        known = self.tokens.get(node_id)
        if known is not None and presented != known:
            return refusal(409, "node_exists")
        if known is None:
            self._issued += 1
            self.tokens[node_id] = f"nt_{self._issued}"
        reply = {
            "node_id": node_id,
            "state": self.state,
            "node_token": self.tokens[node_id],
            "heartbeat_secs": self.heartbeat_secs or body["heartbeat_secs"],
            "node_timeout_secs": 60,
        }
        return httpx.Response(200 if known else 201, json=reply)

    def _node_of(self, token: str) -> str:
        return next((node for node, known in self.tokens.items() if known == token), "")

    def _beat(self, request: httpx.Request, body: Mapping[str, object]) -> httpx.Response:
        if self.is_forgetful:
            self.tokens.clear()
        token = self.tokens.get(str(body["node_id"]))
        if token is None:
            return refusal(404, "node_not_found")
        if request.headers.get("x-node-token") != token:
            return refusal(401, "invalid_token")
        reply = {"status": "ok", "server_time": 1_700_000_000, "state": self.state, "draining": self.draining}
        return httpx.Response(200, json=reply)


def refusal(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json=error_body(code))


def error_body(code: str, message: str = "") -> dict[str, object]:
    return {"error": {"message": message or code, "type": "invalid_request_error", "code": code, "param": None}}


class FakeEngine:
    """Pages by path; None as a whole: nothing listens there."""

    def __init__(self, pages: Mapping[str, object] = OLLAMA_PAGES) -> None:
        self.pages = dict(pages)
        self.is_up = True
        self.silence_s = 0.0
        self.looks = 0

    async def handle(self, request: httpx.Request) -> httpx.Response:
        if not self.is_up:
            raise httpx.ConnectError("refused", request=request)
        self.looks += 1
        await asyncio.sleep(self.silence_s)
        page = self.pages.get(request.url.path)
        if page is None:
            return httpx.Response(404)
        text = page if isinstance(page, str) else json.dumps(page)
        return httpx.Response(200, stream=httpx.ByteStream(text.encode()))

    def load(self, *models: str) -> None:
        self.pages["/api/ps"] = {"models": [{"name": model} for model in models]}


class FixedGauges(Gauges):
    """A machine with one card whose figures never change, read without a thread."""

    def __init__(self, gpu: GpuReport | None = None) -> None:
        self._report = gpu

    async def cards(self) -> tuple[tuple[Gpu, ...], int]:
        return (Gpu("NVIDIA GeForce RTX 4090", vram_mb=24_564),), 16

    async def figures(self) -> Figures:
        return Figures(gpu=self._report, host=HostReport(cpu_usage=30.0, memory_usage=50.0))


@dataclass
class World:
    """One agent's surroundings, and what its run left behind."""

    state_dir: Path
    router: FakeRouter = field(default_factory=FakeRouter)
    engine: FakeEngine = field(default_factory=FakeEngine)
    gauges: Gauges = field(default_factory=FixedGauges)
    ends_at_s: float = 0.0

    async def _carry(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "router.test":
            return self.router.handle(request)
        return await self.engine.handle(request)

    def run(self, for_s: float, *, events: Mapping[float, Callable[[], None]] | None = None, **settings: object) -> int:
        """Let an agent live for that many virtual seconds, with things happening at some of them."""
        return run_virtually(self._live(for_s, events or {}, settings))

    async def _live(
        self, for_s: float, events: Mapping[float, Callable[[], None]], settings: Mapping[str, object]
    ) -> int:
        given = {"router_url": ROUTER_URL, "engine_url": ENGINE_URL, "state_dir": self.state_dir, **settings}
        run = AgentRun(**given)  # type: ignore[arg-type]  # each test names fields with their types
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for at_s, happen in events.items():
            loop.call_at(at_s, happen)
        loop.call_at(for_s, stop.set)
        transport = httpx.MockTransport(self._carry)
        code = await run_agent(run, stop=stop, transport=transport, gauges=self.gauges, rng=random.Random(7))
        self.ends_at_s = loop.time()
        return code
