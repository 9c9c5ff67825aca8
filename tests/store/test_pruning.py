"""What is forgotten, and what is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

from llmlb.store import Store
from llmlb.store.pruning import DAY_S, ROWS_AT_ONCE
from llmlb.store.rows import AuditRow, EventRow, RequestRow, Retention

NOW = 1_800_000_000.0


def test_everything_that_only_grows_is_forgotten_after_its_days(tmp_path: Path) -> None:
    retention = Retention(request_days=7, event_days=30, audit_days=365)

    async def scenario(store: Store) -> None:
        for age_days in (6, 8):
            store.enqueue_requests([RequestRow(id=f"r{age_days}", at=NOW - age_days * DAY_S)])
        for age_days in (29, 31):
            store.enqueue_events([EventRow(at=NOW - age_days * DAY_S, kind="node")])
        for age_days in (364, 366):
            await store.append_audit(AuditRow(at=NOW - age_days * DAY_S, actor="a", action=str(age_days)))
        await store.flush()
        assert await store.prune(NOW) == 3
        assert [row.id for row in await store.list_requests()] == ["r6"]
        assert len(await store.list_events()) == 1
        assert [row.action for row in await store.list_audit()] == ["364"]
        assert await store.prune(NOW) == 0

    with Store.open(tmp_path, retention=retention, flush_interval_s=3600.0) as store:
        asyncio.run(scenario(store))


def test_rejections_and_ended_sessions_are_forgotten_when_they_expire_and_not_before(store: Store) -> None:
    async def scenario() -> None:
        for name, until in (("old", NOW - 1), ("new", NOW + 1)):
            await store.reject_node(name, until)
            await store.revoke_session(name, until)
        await store.prune(NOW)
        assert list(await store.load_rejections()) == ["new"]
        assert list(await store.load_revoked_sessions()) == ["new"]

    asyncio.run(scenario())


def test_bodies_go_before_their_records_do(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        store.enqueue_requests(
            [
                RequestRow(id="old", at=NOW - 2 * DAY_S, request_body="secret", response_body="secret"),
                RequestRow(id="new", at=NOW, request_body="kept"),
            ]
        )
        await store.flush()
        await store.prune(NOW)
        old, new = await store.get_request("old"), await store.get_request("new")
        assert old is not None
        assert new is not None
        assert (old.request_body, old.response_body, new.request_body) == (None, None, "kept")

    with Store.open(tmp_path, retention=Retention(body_days=1), flush_interval_s=3600.0) as store:
        asyncio.run(scenario(store))


def test_more_than_one_step_is_forgotten_and_the_file_shrinks(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        store.enqueue_requests(RequestRow(id=str(n), at=1.0, error="x" * 200) for n in range(2 * ROWS_AT_ONCE + 7))
        await store.flush()
        before = store.size().runtime_bytes
        assert await store.prune(NOW) == 2 * ROWS_AT_ONCE + 7
        assert await store.list_requests() == ()
        await store.aclose()
        assert store.size().runtime_bytes < before / 2

    with Store.open(tmp_path, flush_interval_s=3600.0) as store:
        asyncio.run(scenario(store))


def test_a_budget_of_no_time_still_forgets_the_sessions_and_leaves_the_rest(store: Store) -> None:
    async def scenario() -> None:
        await store.revoke_session("old", 1.0)
        store.enqueue_requests([RequestRow(id="old", at=1.0)])
        await store.flush()
        assert await store.prune(NOW, budget_s=0.0) == 1
        assert len(await store.list_requests()) == 1

    asyncio.run(scenario())
