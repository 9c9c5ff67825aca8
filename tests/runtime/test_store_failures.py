"""The store is locked or its disk is full: operators hear so, and nobody who asks a model notices."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from fakes.node import ScriptedNode, answer
from runtime.whole_router import Served, served_router

from llmlb.store.calls import Turn

KEY = {"name": "one more", "scopes": ["api"]}
ANSWER = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}'


async def assert_inference_goes_on(router: Served) -> None:
    answers = await asyncio.gather(*(router.chat() for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert (await router.http.get("/health/ready")).status_code == 200


def test_a_locked_store_refuses_administrators_for_a_moment_and_nobody_else(tmp_path: Path) -> None:
    async def story() -> None:
        async with ScriptedNode(lambda _: [answer(ANSWER)]) as node, served_router(tmp_path) as router:
            await router.add_node(node)
            with closing(sqlite3.connect(tmp_path / "llmlb.db", isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                writing = asyncio.ensure_future(router.ask("POST", "/v0/api-keys", KEY))
                await assert_inference_goes_on(router)
                refused = await writing
                other.execute("ROLLBACK")
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_busy")
            assert int(refused.headers["retry-after"]) >= 1
            assert "Inference goes on" in refused.json()["error"]["message"]
            assert len((await router.ask("GET", "/v0/api-keys")).json()["api_keys"]) == 1
            assert (await router.ask("POST", "/v0/api-keys", KEY)).status_code == 201

    asyncio.run(story())


def test_a_full_disk_refuses_administrators_and_nobody_else(tmp_path: Path) -> None:
    def limit(turn: Turn, *, pages: int) -> None:
        for database in (turn.main, turn.runtime):
            database.pragma(f"max_page_count = {pages or database.pragma('page_count')[0][0]}")

    async def story() -> None:
        async with ScriptedNode(lambda _: [answer(ANSWER)]) as node, served_router(tmp_path) as router:
            await router.add_node(node)
            writer = router.router.store._writer
            await writer.call(lambda turn: limit(turn, pages=0), deadline_s=5.0)
            statuses = [201]
            while statuses[-1] == 201:
                refused = await router.ask("POST", "/v0/api-keys", KEY)
                statuses.append(refused.status_code)
            assert (refused.status_code, refused.json()["error"]["code"]) == (507, "store_full")
            await assert_inference_goes_on(router)
            listed = (await router.ask("GET", "/v0/api-keys")).json()["api_keys"]
            assert len(listed) == statuses.count(201), "what was refused is not there"
            await writer.call(lambda turn: limit(turn, pages=1_000_000), deadline_s=5.0)
            assert (await router.ask("POST", "/v0/api-keys", KEY)).status_code == 201

    asyncio.run(story())
