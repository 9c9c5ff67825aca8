"""What a start accepts, makes and refuses."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from llmlb.errors import StoreBusy, StoreCorrupt, StoreError
from llmlb.store import Store, opening
from llmlb.store.database import Database
from llmlb.store.rows import NodeRow


def _store_with_a_node(directory: Path) -> None:
    with Store.open(directory) as store:
        asyncio.run(store.save_node(NodeRow(id="node-1", url="http://n")))


def test_an_empty_directory_becomes_a_private_store(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "data"
    _store_with_a_node(directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    for name in ("llmlb.db", "runtime.db"):
        assert (directory / name).stat().st_mode & 0o777 == 0o600
    assert not (directory / "backups").exists(), "nothing was upgraded, nothing to back up"


def test_bytes_flipped_in_the_first_page_are_found_and_left_alone(tmp_path: Path) -> None:
    _store_with_a_node(tmp_path)
    path = tmp_path / "llmlb.db"
    damaged = bytearray(path.read_bytes())
    damaged[100:140] = bytes(40)
    path.write_bytes(damaged)
    with pytest.raises(StoreCorrupt, match=rf"{path}.*llmlb db restore"):
        Store.open(tmp_path)
    assert path.read_bytes() == damaged


def test_one_damaged_page_that_no_start_needs_is_found_before_it_is_served(tmp_path: Path) -> None:
    _store_with_a_node(tmp_path)
    path = tmp_path / "llmlb.db"
    with closing(sqlite3.connect(path)) as other:
        (page,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'nodes'").fetchone()
    damaged = bytearray(path.read_bytes())
    damaged[(page - 1) * 4096 : (page - 1) * 4096 + 8] = b"\xff" * 8
    path.write_bytes(damaged)
    with pytest.raises(StoreCorrupt):
        Store.open(tmp_path)


def test_a_file_that_lost_every_byte_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    _store_with_a_node(tmp_path)
    with Store.open(tmp_path) as store:
        asyncio.run(store.backup_daily(1_800_000_000.0))
    (tmp_path / "llmlb.db").write_bytes(b"")
    with pytest.raises(StoreCorrupt, match="empty, yet there are backups"):
        Store.open(tmp_path)
    (tmp_path / "llmlb.db").unlink()
    with pytest.raises(StoreCorrupt, match="gone, yet there are backups"):
        Store.open(tmp_path)
    assert not (tmp_path / "llmlb.db").exists()


def test_a_start_that_was_killed_before_its_first_table_starts_again(tmp_path: Path) -> None:
    (tmp_path / "llmlb.db").touch()
    (tmp_path / "runtime.db").touch()
    _store_with_a_node(tmp_path)


def test_an_upgrade_keeps_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _store_with_a_node(tmp_path)
    with closing(sqlite3.connect(tmp_path / "llmlb.db")) as other, other:
        other.execute("UPDATE alembic_version SET version_num = 'main_0000'")
    upgraded: list[Path] = []
    monkeypatch.setattr(opening, "needs_upgrade", lambda database, schema: "llmlb.db" in str(database.path))
    monkeypatch.setattr(opening, "upgrade", lambda database, schema: upgraded.append(database.path))
    with Store.open(tmp_path):
        pass
    assert upgraded == [tmp_path / "llmlb.db"]
    (backup,) = (tmp_path / "backups").iterdir()
    assert backup.name.startswith("before-main_0000-")
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("SELECT id FROM nodes").fetchall() == [("node-1",)]


def test_a_command_beside_a_router_reads_its_store_and_upgrades_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="needs an upgrade; start llmlb serve once"):
        Store.open(tmp_path, shared=True)
    _store_with_a_node(tmp_path)
    with Store.open(tmp_path) as router, Store.open(tmp_path, shared=True) as command:
        assert [row.id for row in asyncio.run(command.load_nodes())] == ["node-1"]
        asyncio.run(router.save_node(NodeRow(id="node-2", url="http://n")))
        assert len(asyncio.run(command.load_nodes())) == 2


def test_a_second_router_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with Store.open(tmp_path), pytest.raises(StoreBusy, match="running llmlb"):
        Store.open(tmp_path)
    with Store.open(tmp_path):
        pass


def test_a_refused_start_leaves_the_directory_free_for_the_next(tmp_path: Path) -> None:
    (tmp_path / "runtime.db").write_bytes(b"rubbish " * 200)
    with pytest.raises(StoreCorrupt):
        Store.open(tmp_path)
    (tmp_path / "runtime.db").unlink()
    with Store.open(tmp_path):
        pass


def test_a_store_elsewhere_is_opened_there(tmp_path: Path) -> None:
    with Store.open(tmp_path / "data", url=f"sqlite:///{tmp_path}/disk/fleet.db"):
        pass
    assert (tmp_path / "disk" / "fleet.db").exists()
    assert not (tmp_path / "data" / "llmlb.db").exists()


def test_opening_a_store_at_its_head_does_not_wait_for_alembic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _store_with_a_node(tmp_path)

    def unexpected(database: Database, schema: object) -> None:
        raise AssertionError("upgraded without need")

    monkeypatch.setattr(opening, "upgrade", unexpected)
    with Store.open(tmp_path):
        pass
