"""Users, and the rule that somebody can always log in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from api.rig import PASSWORD, Rig, error_of, play

from llmlb.errors import StoreFull

KIM = {"username": "kim", "password": "a long phrase"}


def test_new_user_can_log_in_and_only_look(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("POST", "/v0/users", KIM, token=rig.admin)
        assert answer.status_code == 201
        assert answer.json()["role"] == "viewer"
        assert "password" not in answer.text
        token = (await rig.ask("POST", "/v0/auth/login", KIM)).json()["token"]
        assert (await rig.ask("GET", "/v0/nodes", token=token)).status_code == 200
        assert (await rig.ask("GET", "/v0/users", token=token)).status_code == 403

    play(tmp_path, scenario)


def test_user_name_is_given_once_even_to_two_at_the_same_time(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answers = await asyncio.gather(*(rig.ask("POST", "/v0/users", KIM, token=rig.admin) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
        names = [user.username for user in await rig.services.store.load_users()]
        assert names == ["admin", "kim", "viewer"]

    play(tmp_path, scenario)


@pytest.mark.parametrize("patch", [{"role": "admin"}, {"password": "another phrase"}])
def test_changed_user_has_to_log_in_again(patch: dict[str, str], tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        session = rig.viewer
        assert (await rig.ask("PATCH", "/v0/users/viewer", patch, token=rig.admin)).status_code == 200
        assert (await rig.ask("GET", "/v0/auth/me", token=session)).status_code == 401
        password = patch.get("password", PASSWORD)
        login = await rig.ask("POST", "/v0/auth/login", {"username": "viewer", "password": password})
        assert login.json()["user"]["role"] == patch.get("role", "viewer")

    play(tmp_path, scenario)


def test_patch_that_changes_nothing_ends_no_session(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        session = rig.viewer
        for patch in ({}, {"role": "viewer"}, {"role": None}):
            assert (await rig.ask("PATCH", "/v0/users/viewer", patch, token=rig.admin)).status_code == 200
        assert (await rig.ask("GET", "/v0/auth/me", token=session)).status_code == 200

    play(tmp_path, scenario)


def test_deleted_user_is_out_at_once(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        session = rig.viewer
        assert (await rig.ask("DELETE", "/v0/users/usr_viewer", token=rig.admin)).status_code == 204
        assert (await rig.ask("GET", "/v0/auth/me", token=session)).status_code == 401
        again = await rig.ask("DELETE", "/v0/users/viewer", token=rig.admin)
        assert (again.status_code, error_of(again)["code"]) == (404, "user_not_found")

    play(tmp_path, scenario)


def test_last_administrator_can_neither_go_nor_step_down(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for method, body in (("DELETE", None), ("PATCH", {"role": "viewer"})):
            answer = await rig.ask(method, "/v0/users/admin", body, token=rig.admin)
            assert (answer.status_code, error_of(answer)["code"]) == (409, "last_admin")
        await rig.ask("PATCH", "/v0/users/viewer", {"role": "admin"}, token=rig.admin)
        assert (await rig.ask("PATCH", "/v0/users/admin", {"role": "viewer"}, token=rig.admin)).status_code == 200

    play(tmp_path, scenario)


def test_two_administrators_cannot_remove_each_other_at_the_same_time(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.ask("PATCH", "/v0/users/viewer", {"role": "admin"}, token=rig.admin)
        answers = await asyncio.gather(
            rig.ask("DELETE", "/v0/users/viewer", token=rig.session("admin")),
            rig.ask("DELETE", "/v0/users/admin", token=rig.session("viewer")),
        )
        assert sorted(answer.status_code for answer in answers) == [204, 409]
        assert len(await rig.services.store.load_users()) == 1

    play(tmp_path, scenario)


def test_password_that_no_longer_counts_is_forgotten_and_no_other(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        first = rig.services.gatekeeper.user("admin")
        assert first is not None
        await rig.ask("PATCH", "/v0/users/viewer", {"role": "admin"}, token=rig.admin)
        assert rig.calls.forgotten_passwords == []
        change = {"current_password": PASSWORD, "new_password": "another phrase"}
        assert (await rig.ask("POST", "/v0/auth/password", change, token=rig.admin)).status_code == 200
        await rig.ask("PATCH", "/v0/users/admin", {"password": "a third phrase"}, token=rig.admin)
        await rig.ask("DELETE", "/v0/users/admin", token=rig.session("viewer"))
        hashes = [f"quick:{password.encode().hex()}" for password in (PASSWORD, "another phrase", "a third phrase")]
        assert rig.calls.forgotten_passwords == hashes

    play(tmp_path, scenario)


def test_full_disk_changes_no_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig) -> None:
        async def refuse(*_: object, **__: object) -> None:
            raise StoreFull

        kept = rig.calls.forgotten_passwords
        for verb in ("save_user", "delete_user"):
            monkeypatch.setattr(rig.services.store, verb, refuse)
        session = rig.viewer
        assert (await rig.ask("POST", "/v0/users", KIM, token=rig.admin)).status_code == 507
        assert (
            await rig.ask("PATCH", "/v0/users/viewer", {"password": "another phrase"}, token=rig.admin)
        ).status_code == 507
        assert (await rig.ask("DELETE", "/v0/users/viewer", token=rig.admin)).status_code == 507
        assert (await rig.ask("GET", "/v0/auth/me", token=session)).json()["role"] == "viewer"
        assert rig.services.gatekeeper.user("kim") is None
        assert kept == []

    play(tmp_path, scenario)


def test_acts_on_users_are_in_the_audit_without_their_passwords(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.ask("POST", "/v0/users", KIM, token=rig.admin)
        await rig.ask("PATCH", "/v0/users/kim", {"password": "another phrase"}, token=rig.admin)
        await rig.ask("DELETE", "/v0/users/kim", token=rig.admin)
        rows = await rig.services.store.list_audit()
        assert [(row.action, row.target) for row in rows] == [
            ("user.delete", "kim"),
            ("user.edit", "kim"),
            ("user.create", "kim"),
        ]
        assert all("phrase" not in str(row) for row in rows)

    play(tmp_path, scenario)
