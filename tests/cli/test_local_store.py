"""The store of a router on this machine, while none runs."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.command_line import Run

from llmlb.auth.passwords import Passwords
from llmlb.config.secrets_file import create_secret_file
from llmlb.errors import StoreBusy
from llmlb.store import Store
from llmlb.store.rows import UserRow
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.local_store import has_store, set_password, stored_settings

OLD, NEW = "old password 1", "new password 2"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with two users and a live change, as a router left it. Hashing takes long: made once."""
    directory = tmp_path_factory.mktemp("filled") / "data"

    async def fill() -> None:
        passwords = Passwords()
        with Store.open(directory) as store:
            for name in ("admin", "kim"):
                hashed = await passwords.hash(OLD if name == "admin" else "another password")
                row = UserRow(id=name, username=name, password_hash=hashed, role="admin", created_at=1.0)
                await store.save_user(row)
            await store.save_setting("load_balancer.gpu_threshold", "70.0", base_json="80.0")
        passwords.close()

    asyncio.run(fill())
    create_secret_file(directory / "initial_admin_password", OLD)
    return directory


@pytest.fixture
def data(home: Path, filled: Path) -> Path:
    """The same in the home of the test."""
    return shutil.copytree(filled, home / "data")


def _matches(directory: Path, username: str, password: str) -> bool:
    async def check() -> bool:
        passwords = Passwords()
        with Store.open(directory) as store:
            (row,) = (user for user in await store.load_users() if user.username == username)
            (audit, *_) = await store.list_audit(limit=1) or (None,)
            assert audit is None or NEW not in repr(audit)
            answer = await passwords.verify(row.password_hash, password)
        passwords.close()
        return answer

    return asyncio.run(check())


def test_a_lost_password_is_replaced_and_the_generated_one_forgotten(data: Path) -> None:
    set_password(data, "", username="admin", password=NEW)
    assert _matches(data, "admin", NEW)
    assert not _matches(data, "admin", OLD)
    assert not (data / "initial_admin_password").exists()


def test_another_users_change_leaves_the_generated_password_in_its_file(data: Path) -> None:
    set_password(data, "", username="kim", password=NEW)
    assert (data / "initial_admin_password").read_text(encoding="utf-8") == OLD


def test_an_unknown_user_is_told_with_the_nearest_name(data: Path) -> None:
    with pytest.raises(Failure) as caught:
        set_password(data, "", username="admn", password=NEW)
    assert caught.value.exit_code is ExitCode.NOT_FOUND
    assert "admin" in caught.value.hint


def test_a_store_in_use_by_a_router_is_left_alone(data: Path) -> None:
    with Store.open(data), pytest.raises(StoreBusy):
        set_password(data, "", username="admin", password=NEW)
    assert _matches(data, "admin", OLD)


def test_live_changes_are_read_beside_a_running_router(data: Path) -> None:
    with Store.open(data):
        (change,) = stored_settings(data, "").items()
    assert (change[0], change[1].value, change[1].base) == ("load_balancer.gpu_threshold", 70.0, 80.0)


def test_asking_whether_there_is_a_store_creates_none(home: Path) -> None:
    assert not has_store(home / "data", "")
    assert not (home / "data").exists()


def test_passwd_changes_the_store_when_no_router_runs(data: Path, run: Run, piped: Callable[[str], None]) -> None:
    piped(f"{NEW}\n")
    ran = run("users", "passwd", "admin", "--password-stdin", "--url", "http://127.0.0.1:1")
    assert ran.code == 0
    assert str(data) in ran.out
    assert _matches(data, "admin", NEW)


def test_passwd_never_touches_the_store_for_a_router_elsewhere(
    data: Path, run: Run, piped: Callable[[str], None]
) -> None:
    piped(f"{NEW}\n")
    ran = run("users", "passwd", "admin", "--password-stdin", "--url", "http://192.0.2.1", "--timeout", "0.2")
    assert ran.code == 3
    assert _matches(data, "admin", OLD)


def test_passwd_without_router_and_store_says_both(run: Run, piped: Callable[[str], None]) -> None:
    piped(f"{NEW}\n")
    ran = run("users", "passwd", "admin", "--password-stdin", "--url", "http://127.0.0.1:1")
    assert ran.code == 3
    assert "no store of a router" in ran.err
    assert "--data-dir" in ran.err


def test_config_show_tells_what_was_changed_live(data: Path, run: Run) -> None:
    ran = run("config", "show", "-o", "json")
    items = {item["key"]: item for item in json.loads(ran.out)["items"]}
    assert items["load_balancer.gpu_threshold"] == {
        "key": "load_balancer.gpu_threshold",
        "value": "70",
        "origin": "stored",
    }
    assert items["load_balancer.vram_threshold"]["origin"] == "default"
