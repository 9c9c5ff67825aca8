"""llmlb db check, backup, restore and backups"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.command_line import Run

from llmlb.store import Store
from llmlb.store.rows import UserRow


def _keep(directory: Path, username: str) -> None:
    async def fill() -> None:
        with Store.open(directory) as store:
            await store.save_user(
                UserRow(id=username, username=username, password_hash="x", role="admin", created_at=1.0)
            )

    asyncio.run(fill())


async def _write_some(directory: Path) -> None:
    store = Store.open(directory, shared=True)
    for number in range(30):
        name = f"user-{number}"
        row = UserRow(id=name, username=name, password_hash="y" * 500, role="admin", created_at=1.0)
        await store.save_user(row)
    await store.aclose()


def _users(directory: Path) -> list[str]:
    async def read() -> list[str]:
        with Store.open(directory) as store:
            return sorted(user.username for user in await store.load_users())

    return asyncio.run(read())


def _damage(directory: Path) -> bytes:
    """The file as a bad disk leaves it: its pages overwritten from the second on."""
    path = directory / "llmlb.db"
    whole = path.read_bytes()
    damaged = whole[:4096] + b"\xa5" * (len(whole) - 4096)
    path.write_bytes(damaged)
    return damaged


@pytest.fixture
def data(home: Path) -> Path:
    """A data directory with one user, as a router left it."""
    directory = home / "data"
    _keep(directory, "kim")
    return directory


def test_a_sound_store_is_0_also_beside_a_running_router(data: Path, run: Run) -> None:
    ran = run("db", "check", "-o", "json")
    assert ran.code == 0
    items = json.loads(ran.out)["items"]
    assert [(item["file"], item["sound"], item["problems"]) for item in items] == [
        ("llmlb.db", True, []),
        ("runtime.db", True, []),
    ]
    with Store.open(data):
        assert run("db", "check").code == 0


def test_a_damaged_file_is_10_and_its_bytes_stay(data: Path, run: Run) -> None:
    damaged = _damage(data)
    ran = run("db", "check")
    assert ran.code == 10
    assert "llmlb.db    damaged" in ran.out
    assert f"llmlb db restore --data-dir {data}" in ran.err
    assert (data / "llmlb.db").read_bytes()[4096:] == damaged[4096:]


def test_an_empty_file_is_damaged_and_stays_empty(data: Path, run: Run) -> None:
    (data / "llmlb.db").write_bytes(b"")
    assert run("db", "check").code == 10
    assert (data / "llmlb.db").read_bytes() == b""


def test_where_no_router_ever_was_nothing_is_made(home: Path, run: Run) -> None:
    for words in (["check"], ["backup"], ["restore", "--yes"]):
        ran = run("db", *words)
        assert ran.code == 6
        assert "--data-dir" in ran.err
    assert not (home / "data").exists()
    assert run("db", "backups").code == 0


def test_a_backup_beside_a_running_router_brings_back_what_it_held(data: Path, run: Run) -> None:
    with Store.open(data):
        ran = run("db", "backup", "-o", "json")
    name = json.loads(ran.out)["item"]["name"]
    assert (data / "backups" / name).stat().st_mode & 0o777 == 0o600
    _keep(data, "late")
    assert run("db", "restore", name, "--yes").code == 0
    assert _users(data) == ["kim"]
    kept = next(path for path in data.iterdir() if ".replaced-" in path.name)
    os.replace(kept, data / "llmlb.db")
    assert _users(data) == ["kim", "late"]


def test_a_backup_never_replaces_a_file_and_a_damaged_store_is_not_backed_up(data: Path, run: Run) -> None:
    (data.parent / "kept.db").write_text("mine")
    assert run("db", "backup", "--to", "kept.db").code == 7
    assert (data.parent / "kept.db").read_text() == "mine"
    _damage(data)
    ran = run("db", "backup")
    assert ran.code == 1
    assert "llmlb db restore" in ran.err
    assert not list((data / "backups").glob("*"))


def test_the_newest_backup_is_restored_over_a_damaged_file_which_is_kept(data: Path, run: Run) -> None:
    run("db", "backup", "--to", str(data / "backups" / "manual-1.db"))
    run("db", "backup", "--to", str(data / "backups" / "manual-2.db"))
    os.utime(data / "backups" / "manual-1.db", (1_000_000_000, 1_000_000_000))
    damaged = _damage(data)
    ran = run("db", "restore", "--yes")
    assert ran.code == 0
    assert "restored" in ran.out
    assert _users(data) == ["kim"]
    kept = next(path for path in data.iterdir() if ".replaced-" in path.name)
    assert kept.read_bytes()[4096:] == damaged[4096:]
    assert [line.split()[0] for line in run("db", "backups", "--no-headers").out.splitlines()] == [
        "manual-2.db",
        "manual-1.db",
    ]


def test_a_log_that_stayed_behind_is_not_played_into_the_restored_file(data: Path, run: Run) -> None:
    run("db", "backup", "--to", str(data / "backups" / "manual-1.db"))
    with Store.open(data):
        asyncio.run(_write_some(data))
        log = (data / "llmlb.db-wal").read_bytes()
    assert log
    # As after a crash, with the damaged file moved away by hand and its log forgotten.
    (data / "llmlb.db").unlink()
    (data / "llmlb.db-wal").write_bytes(log)
    assert run("db", "restore", "--yes").code == 0
    assert run("db", "check").code == 0
    assert _users(data) == ["kim"]


def test_a_damaged_backup_changes_nothing_and_the_next_older_one_is_named(data: Path, run: Run) -> None:
    run("db", "backup", "--to", str(data / "backups" / "manual-1.db"))
    os.utime(data / "backups" / "manual-1.db", (1_000_000_000, 1_000_000_000))
    (data / "backups" / "manual-2.db").write_bytes(b"not a database " * 500)
    before = (data / "llmlb.db").read_bytes()
    ran = run("db", "restore", "--yes")
    assert ran.code == 1
    assert "llmlb db restore manual-1.db" in ran.err
    assert (data / "llmlb.db").read_bytes() == before
    assert not [path for path in data.iterdir() if ".replaced-" in path.name or ".arriving" in path.name]


def test_nothing_is_restored_under_a_running_router_without_a_yes_or_from_nowhere(
    data: Path, run: Run, typed: Callable[..., None]
) -> None:
    run("db", "backup", "--to", str(data / "backups" / "manual-1.db"))
    with Store.open(data):
        ran = run("db", "restore", "--yes")
    assert ran.code == 7
    assert str(os.getpid()) in ran.err
    assert run("db", "restore").code == 2
    typed("n")
    assert run("db", "restore").code == 1
    ran = run("db", "restore", "manul-1.db", "--yes")
    assert ran.code == 6
    assert "did you mean manual-1.db" in ran.err
    assert run("db", "restore", str(data / "llmlb.db"), "--yes").code == 2
    assert not [path for path in data.iterdir() if ".replaced-" in path.name]


def test_a_trial_says_what_would_be_put_back_and_does_not(data: Path, run: Run) -> None:
    run("db", "backup", "--to", str(data / "backups" / "manual-1.db"))
    before = (data / "llmlb.db").read_bytes()
    ran = run("db", "restore", "--dry-run")
    assert ran.code == 0
    assert "manual-1.db" in ran.out + ran.err
    assert json.loads(run("db", "restore", "--dry-run", "-o", "json").out)["item"]["dry_run"] is True
    assert (data / "llmlb.db").read_bytes() == before


def test_the_file_that_the_configuration_names_is_the_store(
    data: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = data.parent / "elsewhere" / "fleet.db"
    monkeypatch.setenv("LLMLB_DATABASE_URL", f"sqlite:///{other}")
    assert run("db", "check").code == 6
    with Store.open(data, url=f"sqlite:///{other}"):
        pass
    assert "fleet.db" in run("db", "check").out


def test_another_user_than_the_routers_is_told_whom_to_be(
    data: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: data.stat().st_uid + 1)
    for words in (["check"], ["backup"]):
        ran = run("db", *words)
        assert ran.code == 5
        assert "sudo -u" in ran.err


def test_an_interrupted_backup_leaves_nothing_behind(data: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(work: object, **_: object) -> None:
        (data / "backups").mkdir(exist_ok=True)
        (data / "backups" / "mine.db.partial").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr("llmlb_cli.commands.db.watched", interrupted)
    assert run("db", "backup", "--to", str(data / "backups" / "mine.db")).code == 130
    assert not list((data / "backups").iterdir())
