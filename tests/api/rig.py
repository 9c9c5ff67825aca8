"""A control plane in memory: real services over a real store, a clock that tests move, and no sockets."""

from __future__ import annotations

import asyncio
import atexit
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from llmlb.api.access import Access, declared_access
from llmlb.api.app import create_app
from llmlb.api.insight import snapshot_view
from llmlb.api.services import Services
from llmlb.api.thresholds import settings_view, thresholds_of
from llmlb.api.views import node_view
from llmlb.auth.gatekeeper import Gatekeeper
from llmlb.auth.passwords import Passwords
from llmlb.auth.principals import Role
from llmlb.auth.sessions import Sessions
from llmlb.auth.tokens import hash_token, new_api_key, new_local_token
from llmlb.config.settings import RegistrationSettings, Settings
from llmlb.core.balancer import Balancer, QueueRules
from llmlb.core.choice import Policy
from llmlb.core.fleet import Fleet, FleetRules
from llmlb.core.node import Node, NodeId
from llmlb.errors import ConfigurationError
from llmlb.policies import POLICIES
from llmlb.policies.metrics import MetricsPolicy
from llmlb.store import Store
from llmlb.store.rows import ApiKeyRow, UserRow
from llmlb.telemetry.alert_rules import AlertView
from llmlb.telemetry.alerts import Alerts
from llmlb.telemetry.feed import Feed
from llmlb.telemetry.metrics import Metrics
from llmlb.telemetry.requests import RequestLog

LAN = "10.1.2.3"
"""A client on the network; loopback clients are "127.0.0.1"."""

PASSWORD = "a long enough phrase"


class QuickHasher:
    """Stands in for argon2id, which would take most of a test's time."""

    def hash(self, password: bytes) -> str:
        return f"quick:{password.hex()}"

    def verify(self, hash: str, password: bytes) -> bool:
        return hash == f"quick:{password.hex()}"


@dataclass(slots=True)
class FakeClock:
    """Both clocks; tests move them."""

    now_s: float = 1_000.0
    now_unix_s: float = 1_790_000_000.0

    def monotonic(self) -> float:
        return self.now_s

    def unix(self) -> float:
        return self.now_unix_s

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds
        self.now_unix_s += seconds


@dataclass(slots=True)
class Calls:
    """What the control plane asked of the rest of the router."""

    pumped: int = 0
    probed: list[NodeId] = field(default_factory=list)
    redialled: list[NodeId] = field(default_factory=list)
    forgotten_passwords: list[str] = field(default_factory=list)
    draining: bool = False

    def pump(self) -> None:
        self.pumped += 1

    def probe(self, node: Node) -> None:
        self.probed.append(node.id)

    def redial(self, node: Node) -> None:
        self.redialled.append(node.id)

    async def forget_password(self, user: UserRow) -> None:
        self.forgotten_passwords.append(user.password_hash)


@dataclass(slots=True)
class Rig:
    """The router under test and ways to call it. Answers are ``httpx.Response``."""

    services: Services
    app: FastAPI
    clock: FakeClock
    calls: Calls
    tokens: dict[str, str] = field(default_factory=dict)

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        address: str = LAN,
    ) -> httpx.Response:
        """One request. token: sent as a bearer credential.  address: where it seems to come from."""
        given = dict(headers or {})
        if token:
            given["authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(self.app, client=(address, 40_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://router.test", trust_env=False) as client:
            if content is not None:
                return await client.request(method, path, content=content, headers=given)
            if body is None:
                return await client.request(method, path, headers=given)
            return await client.request(method, path, json=body, headers=given)

    @property
    def admin(self) -> str:
        return self.session("admin")

    @property
    def viewer(self) -> str:
        return self.session("viewer")

    def session(self, username: str) -> str:
        """A fresh session token of a user."""
        user = self.services.gatekeeper.user(username)
        assert user is not None
        role, version = Role(user.role), user.token_version
        issued = self.services.sessions.issue(username, role=role, version=version, now_unix=self.clock.now_unix_s)
        return issued.token

    async def key(self, *scopes: str, **limits: Any) -> str:
        """A new API key."""
        secret = new_api_key()
        row = ApiKeyRow(
            id=f"key_{len(self.tokens)}_{secret[-4:]}",
            name="test",
            key_hash=hash_token(secret),
            hint=secret[-4:],
            scopes=scopes or ("api",),
            created_at=self.clock.now_unix_s,
            **limits,
        )
        await self.services.store.save_key(row)
        self.services.gatekeeper.put_key(row)
        return secret

    def local(self) -> str:
        """The credential of the router's own machine."""
        token = new_local_token()
        self.services.gatekeeper.put_local_token(hash_token(token))
        return token

    async def register(self, node_id: str | None = "node-1", **fields: Any) -> httpx.Response:
        """Registers a node and remembers its token."""
        body = {"url": "http://10.0.0.5:8000", **({"node_id": node_id} if node_id else {}), **fields}
        answer = await self.ask("POST", "/v0/nodes", body)
        if answer.status_code == 201:
            self.tokens[answer.json()["node_id"]] = answer.json()["node_token"]
        return answer

    async def beat(self, node_id: str = "node-1", *, token: str | None = None, **fields: Any) -> httpx.Response:
        headers = {"x-node-token": self.tokens.get(node_id, "") if token is None else token}
        return await self.ask("POST", "/v0/health", {"node_id": node_id, **fields}, headers=headers)

    async def approve(self, node_id: str = "node-1") -> httpx.Response:
        return await self.ask("POST", f"/v0/nodes/{node_id}/approve", token=self.admin)

    async def online(self, node_id: str = "node-1", **beat: Any) -> Node:
        """A node that is registered, approved and has beaten."""
        fields = {"gpu_metrics": {"usage": 10.0, "vram_usage": 20.0}, "loaded_models": ["m"], **beat}
        assert (await self.register(node_id)).status_code == 201
        assert (await self.beat(node_id, **fields)).status_code == 200
        assert (await self.approve(node_id)).status_code == 200
        return self.node(node_id)

    def judge_alerts(self, *, store_error: str = "") -> None:
        """What the router does every second."""
        view = AlertView(
            fleet=self.services.fleet,
            rates=self.services.requests.rates(self.clock.now_s),
            unix_s=self.clock.now_unix_s,
            queue_depths={},
            store_error=store_error,
        )
        self.services.alerts.evaluate(view, self.clock.now_s)

    def node(self, node_id: str = "node-1") -> Node:
        node = self.services.fleet.get(NodeId(node_id))
        assert node is not None
        return node


async def inference(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands in for the data plane: takes whatever comes."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """One method of one route, with who may call it."""

    method: str
    template: str
    access: Access

    @property
    def path(self) -> str:
        """A path that leads there."""
        return re.sub(r"\{\w+\}", "x", self.template)


def route_table(app: FastAPI) -> list[RouteEntry]:
    """Every route of the application. HEAD follows GET."""
    entries = []
    for route in app.routes:
        assert isinstance(route, Route), route
        template = re.sub(r":\w+\}", "}", route.path)
        methods = sorted((route.methods or set()) - {"HEAD"})
        entries += [RouteEntry(method, template, declared_access(route)) for method in methods]
    return entries


Scenario = Callable[[Rig], Awaitable[None]]


def play(
    directory: Path,
    scenario: Scenario,
    *,
    dev: bool = False,
    settings: Settings | None = None,
    data_plane: ASGIApp | None = inference,
) -> None:
    """Runs a scenario against a router whose store is in the directory."""

    async def main() -> None:
        async with running(directory, dev=dev, settings=settings or Settings(), data_plane=data_plane) as rig:
            await scenario(rig)

    asyncio.run(main())


@asynccontextmanager
async def running(directory: Path, *, dev: bool, settings: Settings, data_plane: ASGIApp | None) -> AsyncIterator[Rig]:
    data = directory / "data"
    if not data.exists():
        shutil.copytree(_empty_store(), data)
    store = Store.open(data, deadline_s=2.0)
    passwords = Passwords(QuickHasher())
    try:
        clock, calls = FakeClock(), Calls()
        services = await _services(store, passwords, settings, clock=clock, calls=calls, dev=dev)
        app = create_app(services, data_plane=data_plane)
        yield Rig(services, app, clock, calls)
    finally:
        passwords.close()
        await store.aclose()


@cache
def _empty_store() -> Path:
    """A store made once and copied for each test: laying its tables takes most of a small test's time."""
    directory = Path(tempfile.mkdtemp(prefix="llmlb-test-store-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    Store.open(directory / "data").close()
    return directory / "data"


async def _services(
    store: Store, passwords: Passwords, settings: Settings, *, clock: FakeClock, calls: Calls, dev: bool
) -> Services:
    sessions = Sessions(b"s" * 32)
    gatekeeper = Gatekeeper(sessions)
    for name, role in (("admin", "admin"), ("viewer", "viewer")):
        user = UserRow(
            id=f"usr_{name}",
            username=name,
            password_hash=await passwords.hash(PASSWORD),
            role=role,
            created_at=clock.now_unix_s,
        )
        await store.save_user(user)
        gatekeeper.put_user(user)
    rng = Random(7)
    fleet = Fleet(rules=FleetRules(), thresholds=thresholds_of(settings.load_balancer), rng=rng)

    def make_policy(mode: str) -> Policy:
        if mode not in POLICIES:
            raise ConfigurationError(f"there is no policy {mode!r}; known are {', '.join(POLICIES)}")
        return MetricsPolicy(lambda: fleet.thresholds) if mode == "metrics" else POLICIES[mode]()

    balancer = Balancer(
        fleet,
        make_policy(settings.load_balancer.mode),
        queue_rules=QueueRules(),
        aliases=settings.models.aliases,
        rng=rng,
    )
    feed = Feed(
        fleet,
        node_view=lambda node: node_view(node, fleet, clock.now_s),
        settings_view=lambda: settings_view(services),
        snapshot_view=lambda: snapshot_view(services),
        first_id=1,
    )
    metrics = Metrics()
    services = Services(
        settings=settings,
        origins={},
        balancer=balancer,
        store=store,
        gatekeeper=gatekeeper,
        sessions=sessions,
        passwords=passwords,
        feed=feed,
        metrics=metrics,
        requests=RequestLog(takers=(metrics.take,)),
        alerts=Alerts(started_at_s=clock.now_s, grace_s=0.0),
        rng=rng,
        pump=calls.pump,
        probe=calls.probe,
        redial=calls.redial,
        make_policy=make_policy,
        forget_password=calls.forget_password,
        is_draining=lambda: calls.draining,
        own_addresses=frozenset({("127.0.0.1", 8080)}),
        dev=dev,
        now_s=clock.monotonic,
        now_unix_s=clock.unix,
    )
    return services


def registration(**fields: Any) -> Settings:
    """The default settings but for those of registration."""
    return Settings(registration=replace(RegistrationSettings(), **fields))


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The error of a refusal, checked for its shape."""
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert len(error["message"]) > 20, "a refusal says what to do next"
    return error
