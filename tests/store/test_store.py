"""The store as a whole: what it promises under change, crowd, lock, full disk and kill."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llmlb.clock import monotonic_s
from llmlb.core.record import ExchangeRecord
from llmlb.errors import StoreBusy, StoreFull
from llmlb.store import Store
from llmlb.store.migration import MAIN_SCHEMA, RUNTIME_SCHEMA
from llmlb.store.rows import ApiKeyRow, AuditRow, NodeRow

IDS = st.sampled_from(["a", "b", "c"])


class Lifecycle(RuleBasedStateMachine):
    """Any order of verbs and restarts leaves the store equal to a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory()
        self.store = Store.open(Path(self.directory.name), flush_interval_s=3600.0)
        self.nodes: dict[str, NodeRow] = {}
        self.keys: dict[str, ApiKeyRow] = {}
        self.rejected: dict[str, float] = {}
        self.settings: dict[str, tuple[str, str]] = {}
        self.audited = 0

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()
        self.loop.close()

    def audit(self) -> AuditRow:
        self.audited += 1
        return AuditRow(at=1.0, actor="a", action="b")

    @rule(node_id=IDS, state=st.sampled_from(["pending", "online"]), draining=st.booleans())
    def save_node(self, node_id: str, state: str, draining: bool) -> None:
        old = self.nodes.get(node_id, NodeRow(id=node_id, url="http://n"))
        row = replace(old, state=state, draining=draining, revision=old.revision + 1)
        self.loop.run_until_complete(self.store.save_node(row, audit=self.audit()))
        self.nodes[node_id] = row

    @rule(node_id=IDS)
    def delete_node(self, node_id: str) -> None:
        self.loop.run_until_complete(self.store.delete_node(node_id, audit=self.audit()))
        self.nodes.pop(node_id, None)

    @rule(node_id=IDS, until=st.floats(0, 1e9))
    def reject_node(self, node_id: str, until: float) -> None:
        self.loop.run_until_complete(self.store.reject_node(node_id, until, audit=self.audit()))
        self.nodes.pop(node_id, None)
        self.rejected[node_id] = until

    @rule(node_id=IDS)
    def lift_rejection(self, node_id: str) -> None:
        self.loop.run_until_complete(self.store.lift_rejection(node_id))
        self.rejected.pop(node_id, None)

    @rule(key_id=IDS, models=st.none() | st.lists(IDS, max_size=2).map(tuple))
    def save_key(self, key_id: str, models: tuple[str, ...] | None) -> None:
        row = ApiKeyRow(
            id=key_id, name=key_id, key_hash=key_id, hint="", scopes=("api",), created_at=1.0, models=models
        )
        self.loop.run_until_complete(self.store.save_key(row, audit=self.audit()))
        self.keys[key_id] = row

    @rule(key_id=IDS)
    def revoke_key(self, key_id: str) -> None:
        self.loop.run_until_complete(self.store.revoke_key(key_id))
        if key_id in self.keys:
            self.keys[key_id] = replace(self.keys[key_id], revoked=True)

    @rule(key=IDS, value=st.integers())
    def save_setting(self, key: str, value: int) -> None:
        self.loop.run_until_complete(self.store.save_setting(key, str(value), base_json="0"))
        self.settings[key] = (str(value), "0")

    @precondition(lambda self: self.settings)
    @rule(key=IDS)
    def delete_setting(self, key: str) -> None:
        self.loop.run_until_complete(self.store.delete_setting(key))
        self.settings.pop(key, None)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = Store.open(Path(self.directory.name), flush_interval_s=3600.0)

    @invariant()
    def the_store_equals_the_model(self) -> None:
        async def look() -> None:
            assert {row.id: row for row in await self.store.load_nodes()} == self.nodes
            assert {row.id: row for row in await self.store.load_keys()} == self.keys
            assert await self.store.load_rejections() == self.rejected
            assert await self.store.load_settings() == self.settings
            assert len(await self.store.list_audit(1000)) == self.audited

        self.loop.run_until_complete(look())


Lifecycle.TestCase.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
TestLifecycle = Lifecycle.TestCase


def test_a_hundred_writers_at_once_lose_nothing(store: Store) -> None:
    async def scenario() -> None:
        rows = [NodeRow(id=f"node-{number}", url="http://n") for number in range(100)]
        audit = AuditRow(at=1.0, actor="a", action="register")
        await asyncio.gather(*(store.save_node(row, audit=audit) for row in rows))
        assert {row.id for row in await store.load_nodes()} == {row.id for row in rows}
        assert len(await store.list_audit(1000)) == 100

    asyncio.run(scenario())


def test_a_locked_store_answers_within_its_deadline_and_changes_nothing_later(tmp_path: Path) -> None:
    async def scenario(store: Store, other: sqlite3.Connection) -> float:
        other.execute("BEGIN EXCLUSIVE")
        started_at_s = monotonic_s()
        calls = (store.save_node(NodeRow(id=f"node-{n}", url="http://n")) for n in range(5))
        results = await asyncio.gather(*calls, return_exceptions=True)
        waited_s = monotonic_s() - started_at_s
        assert all(isinstance(result, StoreBusy) for result in results), results
        other.execute("ROLLBACK")
        assert await store.load_nodes() == ()
        await store.save_node(NodeRow(id="after", url="http://n"))
        return waited_s

    with (
        Store.open(tmp_path, deadline_s=0.5) as store,
        closing(sqlite3.connect(tmp_path / "llmlb.db", isolation_level=None)) as other,
    ):
        assert asyncio.run(scenario(store, other)) < 1.5


def test_the_event_loop_turns_while_the_store_is_locked(tmp_path: Path) -> None:
    async def scenario(store: Store, other: sqlite3.Connection) -> int:
        other.execute("BEGIN EXCLUSIVE")
        saving = asyncio.ensure_future(store.save_node(NodeRow(id="node-1", url="http://n")))
        turns = 0
        while not saving.done():
            store.enqueue_requests([ExchangeRecord(id=str(turns), at_unix_s=1.0)])
            await asyncio.sleep(0.001)
            turns += 1
        other.execute("ROLLBACK")
        assert isinstance(saving.exception(), StoreBusy)
        return turns

    with (
        Store.open(tmp_path, deadline_s=0.5) as store,
        closing(sqlite3.connect(tmp_path / "llmlb.db", isolation_level=None)) as other,
    ):
        assert asyncio.run(scenario(store, other)) > 50


def test_a_full_disk_refuses_changes_serves_reads_and_recovers(store: Store) -> None:
    async def scenario() -> None:
        await store.save_node(NodeRow(id="node-1", url="http://n"))
        await _set_pages(store, 0)
        with pytest.raises(StoreFull, match="no space left"):
            await store.save_node(NodeRow(id="node-2", url="http://n", note="x" * 100_000))
        assert [row.id for row in await store.load_nodes()] == ["node-1"]
        await _set_pages(store, 100_000)
        await store.save_node(NodeRow(id="node-2", url="http://n", note="x" * 100_000))

    asyncio.run(scenario())


async def _set_pages(store: Store, pages: int) -> None:
    """Fills the disk, as far as SQLite can tell: 0 pages leaves exactly what is used."""
    await store._writer.call(lambda turn: turn.main.pragma(f"max_page_count = {pages or 1}"), deadline_s=5.0)


def test_what_was_enqueued_is_written_when_the_store_is_closed(tmp_path: Path) -> None:
    with Store.open(tmp_path, flush_interval_s=3600.0) as store:
        store.enqueue_requests([ExchangeRecord(id="r1", at_unix_s=1.0)])
        assert store.stats.buffered_rows == 1
    with Store.open(tmp_path) as store:
        assert [record.id for record in asyncio.run(store.list_requests())] == ["r1"]


def test_what_was_enqueued_is_written_within_the_interval(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        store.enqueue_requests([ExchangeRecord(id="r1", at_unix_s=1.0)])
        until_s = monotonic_s() + 10.0
        while not await store.list_requests() and monotonic_s() < until_s:
            await asyncio.sleep(0.01)
        assert len(await store.list_requests()) == 1

    with Store.open(tmp_path, flush_interval_s=0.05) as store:
        asyncio.run(scenario(store))


def test_a_check_reports_both_files_sound_and_damage_by_name(store: Store, tmp_path: Path) -> None:
    main, runtime = asyncio.run(store.check())
    assert main.is_sound
    assert runtime.is_sound
    assert (main.schema, runtime.schema) == (MAIN_SCHEMA.head, RUNTIME_SCHEMA.head)
    store.close()
    path = tmp_path / "runtime.db"
    damaged = bytearray(path.read_bytes())
    damaged[4096 * 3 : 4096 * 5] = b"\xff" * 8192
    path.write_bytes(damaged)
    with Store.open(tmp_path) as again:
        main, runtime = asyncio.run(again.check())
    assert main.is_sound
    assert not runtime.is_sound
    assert runtime.path == str(path)


def test_no_secret_that_was_only_hashed_is_found_in_any_file(tmp_path: Path) -> None:
    from llmlb.auth.tokens import hash_token, hint, new_api_key

    key = new_api_key()
    row = ApiKeyRow(id="k", name="n", key_hash=hash_token(key), hint=hint(key), scopes=("api",), created_at=1.0)
    with Store.open(tmp_path) as store:
        asyncio.run(store.save_key(row))
        asyncio.run(store.backup_daily(1.8e9))
        content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert hash_token(key).encode() in content
    assert key.encode() not in content


CHILD = """
import asyncio, sys
from pathlib import Path
from llmlb.core.record import ExchangeRecord
from llmlb.store import Store
from llmlb.store.rows import AuditRow, NodeRow

async def main():
    store = Store.open(Path(sys.argv[1]), flush_interval_s=0.01)
    for number in range(100_000):
        row = NodeRow(id=f"node-{number}", url="http://n")
        store.enqueue_requests([ExchangeRecord(id=str(number), at_unix_s=1.0)])
        await store.save_node(row, audit=AuditRow(at=1.0, actor="a", action="save", target=row.id))
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.system
def test_no_acknowledged_write_is_lost_to_a_kill_at_any_moment(tmp_path: Path) -> None:
    for cycle, acknowledged_before_kill in enumerate((1, 7, 40)):
        directory = tmp_path / str(cycle)
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(directory)], stdout=subprocess.PIPE, text=True, cwd=os.getcwd()
        )
        assert child.stdout is not None
        with child.stdout:
            numbers = [int(child.stdout.readline()) for _ in range(acknowledged_before_kill)]
            child.send_signal(signal.SIGKILL)
            numbers += [int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        child.wait(timeout=10)
        with Store.open(directory) as store:
            saved = {row.id for row in asyncio.run(store.load_nodes())}
            audited = {row.target for row in asyncio.run(store.list_audit(1000))}
            assert all(report.is_sound for report in asyncio.run(store.check()))
        assert {f"node-{number}" for number in numbers} <= saved
        assert saved == audited, "a change and its audit row are there together or not at all"
