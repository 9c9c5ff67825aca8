"""What is said in a request: kept only where the operator wants it, shown only to administrators."""

from __future__ import annotations

import asyncio
from io import StringIO
from pathlib import Path

import pytest
from fakes.node import ScriptedNode, answer, stream
from runtime.whole_router import Served, served_router

from llmlb.config.settings import RecordsSettings

SECRET = "a very secret question"
ANSWER = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"forty-two"},"finish_reason":"stop"}]}'
VIEWER = {"username": "viewer", "password": "a long phrase", "role": "viewer"}


async def record_of(router: Served, request_id: str, **headers: str) -> str:
    """One request's record, once what waits has been written."""
    await router.router._flush()
    await router.router.store.flush()
    shown = await router.ask("GET", f"/v0/requests/{request_id}", **headers)
    assert shown.status_code == 200
    return shown.text


@pytest.mark.parametrize("streamed", [False, True])
def test_what_was_said_is_kept_for_administrators_and_shown_nowhere_else(streamed: bool, tmp_path: Path) -> None:
    log = StringIO()
    script = stream("forty", "-two") if streamed else answer(ANSWER)

    async def story() -> None:
        records = RecordsSettings(bodies=True, body_bytes=1024)
        async with (
            ScriptedNode(lambda _: [script]) as node,
            served_router(tmp_path, log=log, records=records) as router,
        ):
            await router.add_node(node)
            said = await router.chat(stream=streamed, padding="x" * 2000)
            assert said.status_code == 200
            request_id = said.headers["x-llmlb-request-id"]
            shown = await record_of(router, request_id)
            assert SECRET in shown
            assert "forty" in shown
            assert '"request_body_cut":true,"response_body_cut":false' in shown
            await router.ask("POST", "/v0/users", VIEWER)
            login = {name: VIEWER[name] for name in ("username", "password")}
            token = (await router.http.post("/v0/auth/login", json=login)).json()["token"]
            hidden = await record_of(router, request_id, authorization=f"Bearer {token}")
            listed = await router.ask("GET", "/v0/requests")
            events = await router.ask("GET", "/v0/events/recent")
            metrics = await router.http.get("/metrics")
        # The lines are written by a thread of their own, the last of them before the router has ended.
        assert request_id in log.getvalue(), "the access line"
        for text in (hidden, listed.text, events.text, metrics.text, log.getvalue()):
            assert SECRET not in text
            assert "forty" not in text

    asyncio.run(story())


def test_nothing_is_kept_unless_it_is_switched_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with ScriptedNode(lambda _: [answer(ANSWER)]) as node, served_router(tmp_path) as router:
            await router.add_node(node)
            said = await router.chat()
            shown = await record_of(router, said.headers["x-llmlb-request-id"])
            assert '"request_body":null,"response_body":null' in shown

    asyncio.run(story())
    for path in tmp_path.iterdir():
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
