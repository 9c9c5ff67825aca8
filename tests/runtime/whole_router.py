"""The router put together in this process: with its loops, or with its listener, but without ``serve`` around it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
from fakes.node import ScriptedNode
from uvicorn.config import Config
from uvicorn.server import ServerState

from llmlb.config.loading import load_settings
from llmlb.runtime.bootstrap import LOCAL_TOKEN_FILE
from llmlb.runtime.router import Router
from llmlb.store import Store
from llmlb.telemetry.logs import configure_logging

MODEL = "m"


@asynccontextmanager
async def whole_router(directory: Path, *, log: StringIO | None = None, **sections: object) -> AsyncIterator[Router]:
    """A router that has been built but not started. sections: settings that differ from the defaults."""
    loaded = load_settings(environ={}, data_dir=directory, working_dir=directory)
    loaded = replace(loaded, settings=replace(loaded.settings, **sections))  # type: ignore[arg-type]  # sections by name
    root_level = logging.getLogger().level
    logs = configure_logging("debug", "json", stream=log or StringIO())
    with Store.open(directory, deadline_s=0.6) as store:
        router = Router(loaded, store, directory, logs, port=8080)
        try:
            yield router
        finally:
            await router.stop()
            router.passwords.close()
            logs.close()
            logging.getLogger().setLevel(root_level)


@dataclass(slots=True)
class Served:
    """A router that listens. key: an API key for inference, once ``add_node`` was called."""

    router: Router
    http: httpx.AsyncClient
    directory: Path
    token: str = ""
    key: str = ""
    node_tokens: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """A control request of the router's own machine."""
        given = {"authorization": f"Bearer {self.token}", **headers}
        return await self.http.request(method, path, json=body, headers=given)

    async def chat(self, **more: Any) -> httpx.Response:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "a very secret question"}], **more}
        return await self.http.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {self.key}"})

    async def add_node(self, node: ScriptedNode, node_id: str = "node-1") -> None:
        """A node that is approved, has beaten, and serves the model."""
        wanted = {"url": f"http://127.0.0.1:{node.port}", "node_id": node_id, "loaded_models": [MODEL]}
        registered = await self.ask("POST", "/v0/nodes", wanted)
        self.node_tokens[node_id] = registered.json()["node_token"]
        assert (await self.ask("POST", f"/v0/nodes/{node_id}/approve")).status_code == 200
        beat = {"node_id": node_id, "loaded_models": [MODEL]}
        answer = await self.http.post("/v0/health", json=beat, headers={"x-node-token": self.node_tokens[node_id]})
        assert answer.json()["state"] == "online"
        if not self.key:
            self.key = (await self.ask("POST", "/v0/api-keys", {"name": "test", "scopes": ["api"]})).json()["key"]


@asynccontextmanager
async def served_router(directory: Path, *, log: StringIO | None = None, **sections: object) -> AsyncIterator[Served]:
    """The same, with its loops running and its protocol class behind a socket of 127.0.0.1."""
    async with whole_router(directory, log=log, **sections) as router:
        await router.restore()
        members = router.protocol_class()
        config = Config(router.app, http=members, log_config=None, access_log=False, lifespan="off")
        config.load()
        state = ServerState()
        router.connections = state.connections
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: members(config, state, {}, loop), "127.0.0.1", 0)
        router.start()
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            async with httpx.AsyncClient(base_url=url, timeout=20.0, trust_env=False) as http:
                token = (directory / LOCAL_TOKEN_FILE).read_text().strip()
                yield Served(router, http, directory, token)
        finally:
            server.close()
            router.feed.close()
            for connection in list(state.connections):
                connection.transport.abort()
            for task in list(state.tasks):
                task.cancel()
            await asyncio.gather(*state.tasks, return_exceptions=True)
