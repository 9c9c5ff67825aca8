"""The store is locked or its disk is full: operators hear so, and nobody who asks a model notices."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from fakes.node import ScriptedNode, answer
from runtime.whole_router import Served, served_router, whole_router

from llmlb.clock import monotonic_s
from llmlb.core.node import Beat, NodeId, Profile
from llmlb.errors import StoreBusy
from llmlb.store import Store
from llmlb.store.calls import Turn
from llmlb.store.rows import NodeRow

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


def test_a_stuck_store_holds_up_no_news_and_forgets_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node went Offline in the same round in which another one expired: that must be heard whatever the disk does."""

    async def refuse(node_id: str) -> None:
        raise StoreBusy("locked")

    async def story() -> None:
        log = StringIO()
        async with whole_router(tmp_path, log=log) as router:
            store = router.store
            await store.save_node(NodeRow(id="gone", url="http://10.0.0.5"))
            router.fleet.register(NodeId("gone"), Profile(url="http://10.0.0.5"), Beat(), monotonic_s() - 90_000)
            with monkeypatch.context() as stuck:
                stuck.setattr(store, "delete_node", refuse)
                await router._tick()
                await store.flush()
                assert [event.kind for event in await store.list_events()][-1:] == ["expired"]
                for _ in range(3):
                    await router._forget_expired()
            assert [row.id for row in await store.load_nodes()] == ["gone"]
            await router._forget_expired()
            assert await store.load_nodes() == ()
        assert log.getvalue().count("expired nodes stay in the store for now") == 1

    asyncio.run(story())


def test_a_backup_that_fails_does_not_keep_old_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        log, pruned = StringIO(), asyncio.Event()
        (tmp_path / "backups").write_text("in the way of the directory")
        async with whole_router(tmp_path, log=log) as router:
            store = router.store

            async def prune(now_unix: float) -> int:
                gone = await Store.prune(store, now_unix)
                pruned.set()
                return gone

            monkeypatch.setattr(store, "prune", prune)
            await store.revoke_session("old", 1.0)
            router.start()
            async with asyncio.timeout(10):
                await pruned.wait()
            assert await store.load_revoked_sessions() == {}
        assert "the daily backup was not made" in log.getvalue()

    asyncio.run(story())
