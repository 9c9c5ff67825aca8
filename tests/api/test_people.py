"""Logging in and out, people and keys, over HTTP."""

from __future__ import annotations

from pathlib import Path

from api.rig import PASSWORD, Rig, error_of, play

LOGIN = "/v0/auth/login"


def test_logout_ends_the_token(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        token = (await rig.ask("POST", LOGIN, {"username": "admin", "password": PASSWORD})).json()["token"]
        assert (await rig.ask("GET", "/v0/auth/me", token=token)).json()["username"] == "admin"
        assert (await rig.ask("POST", "/v0/auth/logout", token=token)).status_code == 204
        assert (await rig.ask("GET", "/v0/auth/me", token=token)).status_code == 401

    play(tmp_path, scenario)


def test_wrong_password_and_unknown_user_get_the_same_answer(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        wrong = await rig.ask("POST", LOGIN, {"username": "admin", "password": "no"})
        unknown = await rig.ask("POST", LOGIN, {"username": "nobody", "password": "no"})
        assert wrong.status_code == unknown.status_code == 401
        assert error_of(wrong) == error_of(unknown)

    play(tmp_path, scenario)


def test_last_administrator_can_neither_be_deleted_nor_demoted(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for method, body in (("DELETE", None), ("PATCH", {"role": "viewer"})):
            answer = await rig.ask(method, "/v0/users/admin", body, token=rig.admin)
            assert (answer.status_code, error_of(answer)["code"]) == (409, "last_admin")

    play(tmp_path, scenario)


def test_key_is_shown_once_and_stops_working_when_revoked(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        made = (await rig.ask("POST", "/v0/api-keys", {"name": "ci"}, token=rig.admin)).json()
        assert made["key"] not in (await rig.ask("GET", "/v0/api-keys", token=rig.admin)).text
        assert (await rig.ask("GET", "/v1/models", token=made["key"])).status_code == 200
        assert (await rig.ask("DELETE", f"/v0/api-keys/{made['id']}", token=rig.admin)).status_code == 204
        assert (await rig.ask("GET", "/v1/models", token=made["key"])).status_code == 401

    play(tmp_path, scenario)
