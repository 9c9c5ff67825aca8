"""A data plane on a real socket, with scripted nodes behind it and neither store nor control plane."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Protocol

from fakes.node import ScriptedNode
from uvicorn.config import Config
from uvicorn.server import ServerState

from llmlb.api.peers import TrustedProxies
from llmlb.auth.gatekeeper import Gatekeeper
from llmlb.auth.sessions import Sessions
from llmlb.auth.tokens import hash_token
from llmlb.clock import monotonic_s
from llmlb.config.settings import LimitsSettings, TimeoutsSettings
from llmlb.core.balancer import Balancer, QueueRules
from llmlb.core.change import Change
from llmlb.core.choice import Policy
from llmlb.core.fleet import Fleet, FleetRules
from llmlb.core.load import Thresholds
from llmlb.core.node import Beat, Figures, Node, NodeId, Profile
from llmlb.core.record import ExchangeRecord
from llmlb.core.retry import RetryRules
from llmlb.policies import POLICIES
from llmlb.proxy.asgi import DataPlaneApp
from llmlb.proxy.plane import DataPlane, PlaneRules
from llmlb.proxy.pool import NodeEndpoint, Upstreams
from llmlb.proxy.protocol import RouterProtocol, protocol_class
from llmlb.store.rows import ApiKeyRow
from llmlb.telemetry.metrics import Metrics

KEY = "sk-test-key-of-the-plane"
ADMIN_KEY = "sk-test-admin-of-the-plane"
MODEL = "llama-3.2-1b"

TIMEOUTS = replace(
    TimeoutsSettings(),
    connect_s=1.0,
    first_byte_s=30.0,
    node_keep_alive_s=30.0,
)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario on the event loop that the router runs on."""
    factory = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(scenario)


def key_row(key: str, *, scopes: tuple[str, ...] = ("api",), **limits: Any) -> ApiKeyRow:
    values: dict[str, Any] = {
        "id": key.removeprefix("sk-test-"),
        "name": key[-9:],
        "key_hash": hash_token(key),
        "hint": key[-4:],
        "scopes": scopes,
        "created_at": 0.0,
        "expires_at": None,
        "models": None,
        "requests_per_minute": None,
        "max_concurrency": None,
        "revoked": False,
    }
    return ApiKeyRow(**(values | limits))


@dataclass
class Plane:
    """The running thing: where to connect, and everything to look at afterwards."""

    plane: DataPlane
    port: int
    nodes: list[Node]
    records: list[ExchangeRecord] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    turned_away: list[ExchangeRecord] = field(default_factory=list)

    @property
    def fleet(self) -> Fleet:
        return self.plane.balancer.fleet

    def assert_quiet(self) -> None:
        """What must hold after every exchange, however it ended."""
        assert not self.plane.exchanges
        assert not self.plane.balancer.leases
        assert not self.plane.balancer.queues
        assert all(node.in_flight == 0 for node in self.fleet)
        assert self.plane.metrics.leaked_leases == 0


def chat_body(*, stream: bool = False, **more: Any) -> bytes:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
    return json.dumps(body | more).encode()


def request(body: bytes, *, path: str = "/v1/chat/completions", key: str = KEY, extra: str = "") -> bytes:
    """A request as an SDK writes it."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def chunked_request(body: bytes, *, path: str = "/v1/chat/completions", key: str = KEY) -> bytes:
    """The same with a chunked body, which takes the ASGI path."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


class Listening(Protocol):
    """A node somewhere on this machine."""

    @property
    def port(self) -> int: ...


def make_fleet(nodes: Sequence[Listening], *, max_concurrency: int | None = None) -> Fleet:
    fleet = Fleet(rules=FleetRules(), thresholds=Thresholds(), rng=Random(1))
    now_s = monotonic_s()
    for index, fake in enumerate(nodes, 1):
        profile = Profile(url=f"http://127.0.0.1:{fake.port}")
        node, _ = fleet.register(NodeId(f"node-{index}"), profile, Beat(), now_s)
        beat = Beat(figures=Figures(10.0, 10.0), loaded_models=(MODEL,), max_concurrency=max_concurrency)
        fleet.beat(node, beat, now_s=now_s, unix_s=0.0)
        fleet.approve(node, now_s)
    return fleet


@asynccontextmanager
async def running_plane(
    *fakes: ScriptedNode,
    fast: bool = True,
    timeouts: TimeoutsSettings = TIMEOUTS,
    limits: LimitsSettings | None = None,
    retry: RetryRules | None = None,
    queue: QueueRules | None = None,
    max_concurrency: int | None = None,
    aliases: dict[str, str] | None = None,
    keys: tuple[ApiKeyRow, ...] = (),
    trusted_proxies: tuple[str, ...] = (),
) -> AsyncIterator[Plane]:
    """A plane in front of these nodes, all approved and online. fast: through the protocol class, else ASGI."""
    fleet = make_fleet(list(fakes), max_concurrency=max_concurrency)
    gatekeeper = Gatekeeper(Sessions(b"0" * 32))
    gatekeeper.load(keys=(key_row(KEY), key_row(ADMIN_KEY, scopes=("admin",)), *keys))
    balancer = Balancer(
        fleet,
        POLICIES["round_robin"](),
        queue_rules=queue or QueueRules(),
        aliases=aliases or {},
        rng=Random(2),
    )
    records: list[ExchangeRecord] = []
    changes: list[Change] = []
    turned_away: list[ExchangeRecord] = []
    plane = DataPlane(
        balancer=balancer,
        gatekeeper=gatekeeper,
        upstreams=Upstreams(
            _endpoint_of, connect_timeout_s=timeouts.connect_s, keep_alive_s=timeouts.node_keep_alive_s
        ),
        metrics=Metrics(),
        rules=PlaneRules(limits or LimitsSettings(), timeouts, retry or RetryRules(budget_minimum=1000)),
        rng=Random(3),
        announce=changes.extend,
        finished=records.append,
        make_policy=_policy_named,
        turned_away=turned_away.append,
        client_of=TrustedProxies(trusted_proxies).client_of,
    )
    members = protocol_class(plane, takes_data_plane=fast, max_connections=1000, keep_alive_s=75.0)
    config = Config(
        _router(plane), http=members, log_config=None, access_log=False, lifespan="off", proxy_headers=False
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: members(config, state, {}, loop), "127.0.0.1", 0)
    sweeper = asyncio.ensure_future(_sweep(plane, state))
    try:
        yield Plane(plane, server.sockets[0].getsockname()[1], list(fleet), records, changes, turned_away)
    finally:
        sweeper.cancel()
        server.close()
        for connection in list(state.connections):
            assert isinstance(connection, RouterProtocol)
            connection.transport.abort()
        plane.upstreams.close()
        for task in list(state.tasks):
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
        await asyncio.sleep(0.01)


def _endpoint_of(node: Node) -> NodeEndpoint:
    port = int(node.profile.url.rpartition(":")[2])
    return NodeEndpoint("127.0.0.1", port, f"127.0.0.1:{port}")


def _policy_named(name: str) -> Policy | None:
    return POLICIES[name]() if name in POLICIES else None


def _router(plane: DataPlane) -> Any:
    data_plane = DataPlaneApp(plane)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/v1/"):
            await data_plane(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    return app


async def _sweep(plane: DataPlane, state: ServerState) -> None:
    while True:
        await asyncio.sleep(0.02)
        now_s = monotonic_s()
        plane.sweep(now_s)
        for connection in list(state.connections):
            assert isinstance(connection, RouterProtocol)
            connection.sweep(now_s)


@dataclass
class Response:
    """What came back. clean: ended as its framing says it should."""

    status: int
    headers: dict[str, str]
    body: bytes
    clean: bool

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def exchange(port: int, data: bytes, *, timeout_s: float = 10.0) -> Response:
    """Send bytes on a new connection and read one response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with asyncio.timeout(timeout_s):
            return await read_response(reader)
    finally:
        writer.close()


async def read_response(reader: asyncio.StreamReader) -> Response:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
    status = int(lines[0].split(" ")[1])
    try:
        if headers.get("transfer-encoding") == "chunked":
            return await _read_chunked(reader, status, headers)
        if "content-length" in headers:
            body = await reader.readexactly(int(headers["content-length"]))
            return Response(status, headers, body, clean=True)
        return Response(status, headers, await reader.read(), clean=True)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        partial = error.partial if isinstance(error, asyncio.IncompleteReadError) else b""
        return Response(status, headers, partial, clean=False)


async def _read_chunked(reader: asyncio.StreamReader, status: int, headers: dict[str, str]) -> Response:
    body = b""
    while True:
        try:
            size = int(await reader.readuntil(b"\r\n"), 16)
            body += (await reader.readexactly(size + 2))[:-2]
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            return Response(status, headers, body, clean=False)
        if size == 0:
            return Response(status, headers, body, clean=True)
