"""What is forgotten, and what is not."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from llmlb.core.record import ExchangeRecord
from llmlb.store import Store, flush
from llmlb.store.database import Database
from llmlb.store.migration import RUNTIME_SCHEMA, create
from llmlb.store.packs import RECORDS_PER_PACK
from llmlb.store.pruning import DAY_S, ROWS_AT_ONCE, prune_runtime
from llmlb.store.rows import AuditRow, BodyRow, EventRow, Retention

NOW = 1_800_000_000.0


def test_everything_that_only_grows_is_forgotten_after_its_days(tmp_path: Path) -> None:
    retention = Retention(request_days=7, event_days=30, audit_days=365)

    async def scenario(store: Store) -> None:
        for age_days in (8, 6):
            store.enqueue_requests([ExchangeRecord(id=f"r{age_days}", at_unix_s=NOW - age_days * DAY_S)])
            await store.flush()
        for age_days in (29, 31):
            store.enqueue_events([EventRow(at=NOW - age_days * DAY_S, kind="node")])
        for age_days in (364, 366):
            await store.append_audit(AuditRow(at=NOW - age_days * DAY_S, actor="a", action=str(age_days)))
        await store.flush()
        assert await store.prune(NOW) == 3
        assert [record.id for record in await store.list_requests()] == ["r6"]
        assert len(await store.list_events()) == 1
        assert [row.action for row in await store.list_audit()] == ["364"]
        assert await store.prune(NOW) == 0

    with Store.open(tmp_path, retention=retention, flush_interval_s=3600.0) as store:
        asyncio.run(scenario(store))


def test_events_and_audit_are_bounded_in_number_as_well(tmp_path: Path) -> None:
    """Days alone bound nothing: a node that flaps, or a script with a login, writes as much as it likes in one."""

    async def scenario(store: Store) -> None:
        store.enqueue_events([EventRow(at=NOW, kind="node", cause=str(n)) for n in range(2 * ROWS_AT_ONCE + 7)])
        for number in range(7):
            await store.append_audit(AuditRow(at=NOW, actor="a", action=str(number)))
        await store.flush()
        assert await store.prune(NOW) == 2 * ROWS_AT_ONCE + 7 - 5 + 7 - 3
        assert {event.cause for event in await store.list_events()} == {str(2 * ROWS_AT_ONCE + n) for n in range(2, 7)}
        assert [row.action for row in await store.list_audit()] == ["6", "5", "4"]

    with Store.open(tmp_path, retention=Retention(event_rows=5, audit_rows=3), flush_interval_s=3600.0) as store:
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
        for name, age_days in (("old", 2), ("new", 0)):
            store.enqueue_requests([ExchangeRecord(id=name, at_unix_s=NOW - age_days * DAY_S)])
            store.enqueue_bodies([BodyRow(request_id=name, at=NOW - age_days * DAY_S, prompt=b"secret")])
        await store.flush()
        assert await store.prune(NOW) == 1
        assert await store.get_request("old") is not None
        assert await store.get_body("old") is None
        assert await store.get_body("new") is not None

    with Store.open(tmp_path, retention=Retention(body_days=1), flush_interval_s=3600.0) as store:
        asyncio.run(scenario(store))


def test_bodies_do_not_outlive_their_records(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        store.enqueue_bodies([BodyRow(request_id="old", at=NOW - 2 * DAY_S, prompt=b"secret")])
        await store.flush()
        await store.prune(NOW)
        assert await store.get_body("old") is None

    with Store.open(tmp_path, retention=Retention(body_days=9, request_days=1), flush_interval_s=3600.0) as store:
        asyncio.run(scenario(store))


@pytest.mark.parametrize("by_hand", [True, False], ids=["pruned", "while writing"])
def test_the_oldest_bodies_go_when_all_of_them_take_too_much(by_hand: bool, tmp_path: Path) -> None:
    retention = Retention(body_bytes=1000 if not by_hand else 10**6)
    kept = Retention(body_bytes=1000)

    async def write(store: Store) -> None:
        for number in range(20):
            body = BodyRow(request_id=str(number), at=NOW + number, prompt=b"p" * 60, answer=b"a" * 40)
            store.enqueue_bodies([body])
            await store.flush()

    async def kept_ids(store: Store) -> list[str]:
        if by_hand:
            assert await store.prune(NOW) == 10
        return [str(number) for number in range(20) if await store.get_body(str(number)) is not None]

    with Store.open(tmp_path, retention=retention, flush_interval_s=3600.0) as store:
        asyncio.run(write(store))
    with Store.open(tmp_path, retention=kept, flush_interval_s=3600.0) as store:
        ids = asyncio.run(kept_ids(store))
    assert ids[-1] == "19"
    assert 10 <= len(ids) <= 12
    assert ids == [str(number) for number in range(20 - len(ids), 20)]


def test_more_than_one_step_is_forgotten_and_the_file_shrinks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "RECORDS_PER_PACK", 1)

    async def scenario(store: Store) -> None:
        count = 2 * ROWS_AT_ONCE + 7
        store.enqueue_requests(ExchangeRecord(id=str(n), at_unix_s=1.0, error="x" * 200) for n in range(count))
        await store.flush()
        before = store.size().runtime_bytes
        assert await store.prune(NOW) == count
        assert await store.list_requests() == ()
        await store.aclose()
        assert store.size().runtime_bytes < before / 2

    with Store.open(tmp_path, flush_interval_s=3600.0) as store:
        asyncio.run(scenario(store))


def test_the_room_of_whole_packs_is_given_back(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        store.enqueue_requests(ExchangeRecord(id=str(n), at_unix_s=1.0, error="x" * 200) for n in range(20_000))
        await store.flush()
        before = store.size().runtime_bytes
        assert await store.prune(NOW) == -(-20_000 // RECORDS_PER_PACK)
        await store.aclose()
        assert store.size().runtime_bytes < before / 2

    with Store.open(tmp_path, flush_interval_s=3600.0) as store:
        asyncio.run(scenario(store))


def test_a_pack_is_kept_until_its_last_record_is_too_old_or_too_many(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        ages_days = (9, 6, 8)
        store.enqueue_requests(ExchangeRecord(id=f"r{n}", at_unix_s=NOW - n * DAY_S) for n in ages_days)
        await store.flush()
        assert await store.prune(NOW) == 0
        assert [record.id for record in await store.list_requests()] == ["r6", "r8", "r9"]
        store.enqueue_requests([ExchangeRecord(id="r1", at_unix_s=NOW - DAY_S)])
        await store.flush()
        assert await store.prune(NOW) == 0
        store.enqueue_requests([ExchangeRecord(id="r0", at_unix_s=NOW)])
        await store.flush()
        await store.prune(NOW)
        assert [record.id for record in await store.list_requests()] == ["r0", "r1"]

    with Store.open(tmp_path, retention=Retention(request_rows=2), flush_interval_s=3600.0) as store:
        asyncio.run(scenario(store))


def test_bodies_are_still_overwritten_where_sqlite_does_that(tmp_path: Path) -> None:
    """Forgetting packs switches it off for the moment, since they hold nothing that was said."""
    with closing(Database(tmp_path / "runtime.db", synchronous="NORMAL")) as runtime:
        create(runtime, RUNTIME_SCHEMA)
        for setting in (1, 0):
            runtime.pragma(f"secure_delete = {setting}")
            with runtime.writing() as connection:
                prune_runtime(connection, Retention(), NOW)
            assert runtime.pragma("secure_delete") == [(setting,)]


def test_a_budget_of_no_time_still_forgets_the_sessions_and_leaves_the_rest(store: Store) -> None:
    async def scenario() -> None:
        await store.revoke_session("old", 1.0)
        store.enqueue_requests([ExchangeRecord(id="old", at_unix_s=1.0)])
        await store.flush()
        assert await store.prune(NOW, budget_s=0.0) == 1
        assert len(await store.list_requests()) == 1

    asyncio.run(scenario())
