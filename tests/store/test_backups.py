"""Backups: whole, private, few, and good for a restore."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from llmlb.errors import StoreBusy, StoreCorrupt, StoreError
from llmlb.store import Store
from llmlb.store.backups import list_backups, restore
from llmlb.store.rows import NodeRow, Retention

DAY_S = 86400.0
NOW = 1_800_000_000.0


def _node(node_id: str) -> NodeRow:
    return NodeRow(id=node_id, url="http://n")


def _saved(directory: Path, *node_ids: str) -> None:
    async def save(store: Store) -> None:
        for node_id in node_ids:
            await store.save_node(_node(node_id))

    with Store.open(directory) as store:
        asyncio.run(save(store))


def _loaded(directory: Path) -> list[str]:
    with Store.open(directory) as store:
        return [row.id for row in asyncio.run(store.load_nodes())]


def test_a_backup_holds_what_was_acknowledged_and_is_its_owners_alone(store: Store, tmp_path: Path) -> None:
    async def scenario() -> None:
        await store.save_node(_node("node-1"))
        await store.backup_to(tmp_path / "copy.db")
        with pytest.raises(StoreError, match="exists already"):
            await store.backup_to(tmp_path / "copy.db")

    asyncio.run(scenario())
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT id FROM nodes").fetchall() == [("node-1",)]
    assert list(tmp_path.glob("*.partial")) == []


def test_a_backup_that_cannot_be_written_leaves_no_half_of_it(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        asyncio.run(store.backup_to(tmp_path / "absent" / "copy.db"))
    assert asyncio.run(store.load_nodes()) == ()


def test_one_backup_a_day_and_only_the_newest_are_kept(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        for day in range(5):
            made = await store.backup_daily(NOW + day * DAY_S)
            assert made is not None
            assert await store.backup_daily(NOW + day * DAY_S + 60) is None

    _saved(tmp_path, "node-1")
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "before-main_0001-20260101T000000Z.db").write_text("not daily, not touched")
    with Store.open(tmp_path, retention=Retention(backups=3)) as store:
        asyncio.run(scenario(store))
    names = sorted(path.name for path in (tmp_path / "backups").iterdir())
    assert names[0].startswith("before-")
    assert [name[6:14] for name in names[1:]] == ["20270117", "20270118", "20270119"]


def test_no_daily_backup_is_made_where_none_is_kept_and_none_is_taken_away(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        made = asyncio.run(store.backup_daily(NOW))
    assert made is not None
    with Store.open(tmp_path, retention=Retention(backups=0)) as store:
        assert asyncio.run(store.backup_daily(NOW + DAY_S)) is None
    assert list((tmp_path / "backups").iterdir()) == [made]


def test_a_damaged_store_is_restored_and_the_damaged_file_kept(tmp_path: Path) -> None:
    _saved(tmp_path, "node-1")
    with Store.open(tmp_path) as store:
        asyncio.run(store.backup_daily(NOW))
    _saved(tmp_path, "node-2")
    (tmp_path / "llmlb.db").write_bytes(b"damaged " * 1000)
    with pytest.raises(StoreCorrupt):
        Store.open(tmp_path)
    (backup,) = list_backups(tmp_path)
    aside = restore(tmp_path, Path(backup.path), NOW)
    assert aside is not None
    assert aside.read_bytes().startswith(b"damaged ")
    assert _loaded(tmp_path) == ["node-1"]
    assert list(tmp_path.glob("*.arriving*")) == []
    assert (tmp_path / "llmlb.db").stat().st_mode & 0o777 == 0o600


def test_a_restore_does_not_mix_with_the_old_write_ahead_log(tmp_path: Path) -> None:
    _saved(tmp_path, "node-1")
    with Store.open(tmp_path) as store:
        asyncio.run(store.backup_to(tmp_path / "copy.db"))
    (tmp_path / "llmlb.db-wal").write_bytes(b"old log")
    restore(tmp_path, tmp_path / "copy.db", NOW)
    assert _loaded(tmp_path) == ["node-1"]


def test_a_restore_into_an_empty_directory_replaces_nothing(tmp_path: Path) -> None:
    _saved(tmp_path / "old", "node-1")
    with Store.open(tmp_path / "old") as store:
        asyncio.run(store.backup_to(tmp_path / "copy.db"))
    assert restore(tmp_path / "new", tmp_path / "copy.db", NOW) is None
    assert _loaded(tmp_path / "new") == ["node-1"]


def test_nothing_is_restored_under_a_running_router(store: Store, tmp_path: Path) -> None:
    asyncio.run(store.backup_to(tmp_path / "copy.db"))
    with pytest.raises(StoreBusy, match="running llmlb"):
        restore(tmp_path, tmp_path / "copy.db", NOW)


@pytest.mark.parametrize(("content", "message"), [(b"rubbish " * 300, "damaged too"), (b"", "holds no store")])
def test_a_bad_backup_replaces_nothing(tmp_path: Path, content: bytes, message: str) -> None:
    _saved(tmp_path, "node-1")
    (tmp_path / "bad.db").write_bytes(content)
    with pytest.raises(StoreError, match=rf"bad\.db.*{message}"):
        restore(tmp_path, tmp_path / "bad.db", NOW)
    assert _loaded(tmp_path) == ["node-1"]
    assert list(tmp_path.glob("*.arriving*")) == []


def test_another_programs_database_is_no_backup(tmp_path: Path) -> None:
    _saved(tmp_path, "node-1")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match=r"other\.db.*another program"):
        restore(tmp_path, tmp_path / "other.db", NOW)
    with pytest.raises(StoreError, match="cannot be copied"):
        restore(tmp_path, tmp_path / "absent.db", NOW)
    assert _loaded(tmp_path) == ["node-1"]
