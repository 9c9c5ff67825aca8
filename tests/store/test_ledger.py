"""Settings and audit."""

from __future__ import annotations

import asyncio

import pytest

from llmlb.errors import StoreError
from llmlb.store import Store
from llmlb.store.rows import AuditRow, NodeRow


def _audit(action: str, at: float = 1.0) -> AuditRow:
    return AuditRow(at=at, actor="user:admin", action=action, target="t", detail="d", address="192.0.2.1")


def test_a_live_change_remembers_what_it_replaced(store: Store) -> None:
    async def scenario() -> None:
        await store.save_setting("load_balancer.gpu_threshold", "70.0", base_json="80.0", audit=_audit("settings"))
        await store.save_settings({"load_balancer.mode": ('"adaptive"', '"metrics"')})
        await store.save_setting("load_balancer.gpu_threshold", "60.0", base_json="80.0")
        assert await store.load_settings() == {
            "load_balancer.gpu_threshold": ("60.0", "80.0"),
            "load_balancer.mode": ('"adaptive"', '"metrics"'),
        }
        await store.delete_setting("load_balancer.mode", audit=_audit("settings"))
        assert list(await store.load_settings()) == ["load_balancer.gpu_threshold"]
        assert len(await store.list_audit()) == 2

    asyncio.run(scenario())


def test_settings_are_saved_all_or_none(store: Store) -> None:
    async def scenario() -> None:
        with pytest.raises((StoreError, ValueError)):
            await store.save_settings({"good": ("1", "2"), "bad": ("\ud800", "2")}, audit=_audit("settings"))
        assert await store.load_settings() == {}
        assert await store.list_audit() == ()

    asyncio.run(scenario())


def test_the_audit_is_read_newest_first_page_by_page(store: Store) -> None:
    async def scenario() -> None:
        for number in range(5):
            await store.append_audit(_audit(str(number), at=float(number)))
        first = await store.list_audit(limit=2)
        second = await store.list_audit(limit=2, before=first[-1].id)
        assert [row.action for row in (*first, *second)] == ["4", "3", "2", "1"]
        assert first[0].address == "192.0.2.1"
        assert await store.list_audit(limit=0) == ()
        assert len(await store.list_audit(limit=10**9)) == 5

    asyncio.run(scenario())


def test_an_audit_row_that_cannot_be_written_undoes_its_change(store: Store) -> None:
    async def scenario() -> None:
        with pytest.raises((StoreError, ValueError)):
            await store.save_node(NodeRow(id="node-1", url="http://n"), audit=_audit("\ud800"))
        assert await store.load_nodes() == ()

    asyncio.run(scenario())


def test_the_store_knows_when_and_by_whom_it_was_made(store: Store) -> None:
    async def scenario() -> None:
        meta = await store.load_meta()
        assert set(meta) == {"created_at", "created_by"}
        await store.save_meta("fleet", "lab")
        await store.save_meta("fleet", "lab 2")
        assert (await store.load_meta())["fleet"] == "lab 2"

    asyncio.run(scenario())
