"""Logging in and out: limited, recorded, and over when it is over."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from api.rig import LAN, PASSWORD, Rig, error_of, play

from llmlb.errors import StoreBusy
from llmlb.store.rows import UserRow


async def log_in(rig: Rig, username: str = "admin", password: str = PASSWORD, *, address: str = LAN) -> httpx.Response:
    body = {"username": username, "password": password}
    return await rig.ask("POST", "/v0/auth/login", body, address=address)


def test_login_gives_a_token_of_twelve_hours_that_says_who_it_is(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answer = (await log_in(rig)).json()
        assert answer["expires_in"] == 12 * 3600
        assert answer["user"]["username"] == "admin"
        assert answer["user"]["role"] == "admin"
        me = (await rig.ask("GET", "/v0/auth/me", token=answer["token"])).json()
        assert me == answer["user"]
        rig.clock.pass_s(12 * 3600 + 1)
        assert (await rig.ask("GET", "/v0/auth/me", token=answer["token"])).status_code == 401

    play(tmp_path, scenario)


def test_unknown_user_and_wrong_password_hear_the_same(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        wrong = await log_in(rig, password="not that")
        unknown = await log_in(rig, username="nobody")
        assert (wrong.status_code, unknown.status_code) == (401, 401)
        assert error_of(wrong) == error_of(unknown)

    play(tmp_path, scenario)


def test_sixth_guess_of_a_minute_has_to_wait_and_the_right_password_too(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert [(await log_in(rig, password="guess")).status_code for _ in range(5)] == [401] * 5
        slowed = await log_in(rig)
        assert (slowed.status_code, error_of(slowed)["type"]) == (429, "rate_limit_error")
        assert (await log_in(rig, address="10.9.9.9")).status_code == 200, "somebody else is not locked out"
        rig.clock.pass_s(int(slowed.headers["retry-after"]))
        assert (await log_in(rig)).status_code == 200

    play(tmp_path, scenario)


def test_every_login_is_in_the_audit_with_its_address_and_never_with_its_password(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await log_in(rig)
        await log_in(rig, username="mal\x1blory", password="hunter2hunter2")
        rows = await rig.services.store.list_audit()
        assert [(row.action, row.actor, row.target, row.address) for row in rows] == [
            ("login.failed", "anonymous", "mallory", "10.1.2.3"),
            ("login", "user:admin", "admin", "10.1.2.3"),
        ]
        assert all("hunter2" not in str(row) and PASSWORD not in str(row) for row in rows)

    play(tmp_path, scenario)


def test_login_is_remembered_as_the_users_last(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.clock.pass_s(100)
        token = (await log_in(rig)).json()["token"]
        users = (await rig.ask("GET", "/v0/users", token=token)).json()["users"]
        seen = {user["username"]: user["last_login"] for user in users}
        assert seen["admin"] is not None
        assert seen["viewer"] is None

    play(tmp_path, scenario)


def test_well_known_login_of_dev_is_never_written_to_the_store(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        password_hash = await rig.services.passwords.hash("test")
        rig.services.gatekeeper.put_user(
            UserRow(id="dev", username="dev", password_hash=password_hash, role="admin", created_at=0.0)
        )
        answer = await log_in(rig, "dev", "test")
        assert answer.status_code == 200
        change = {"current_password": "test", "new_password": "another phrase"}
        password, role = ("POST", "/v0/auth/password", change), ("PATCH", "/v0/users/dev", {"role": "viewer"})
        for method, path, body in (password, role):
            refused = await rig.ask(method, path, body, token=answer.json()["token"])
            assert (refused.status_code, error_of(refused)["code"]) == (409, "transient_user")
        assert {user.username for user in await rig.services.store.load_users()} == {"admin", "viewer"}
        assert (await rig.services.store.list_audit())[0].action == "login"

    play(tmp_path, scenario, dev=True)


def test_store_that_is_stuck_locks_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig) -> None:
        async def refuse(*_: object, **__: object) -> None:
            raise StoreBusy

        for verb in ("save_user", "append_audit", "load_users"):
            monkeypatch.setattr(rig.services.store, verb, refuse)
        assert (await log_in(rig)).status_code == 200
        assert (await log_in(rig, password="wrong")).status_code == 401

    play(tmp_path, scenario)


def test_logout_ends_this_session_and_no_other_also_after_a_restart(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        first, second = rig.session("admin"), rig.session("admin")
        assert (await rig.ask("POST", "/v0/auth/logout", token=first)).status_code == 204
        assert (await rig.ask("GET", "/v0/auth/me", token=first)).status_code == 401
        assert (await rig.ask("GET", "/v0/auth/me", token=second)).status_code == 200
        assert len(await rig.services.store.load_revoked_sessions()) == 1

    play(tmp_path, scenario)


def test_logout_counts_here_even_if_the_store_cannot_write_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig) -> None:
        async def refuse(*_: object, **__: object) -> None:
            raise StoreBusy

        monkeypatch.setattr(rig.services.store, "revoke_session", refuse)
        token = rig.admin
        assert (await rig.ask("POST", "/v0/auth/logout", token=token)).status_code == 503
        assert (await rig.ask("GET", "/v0/auth/me", token=token)).status_code == 401

    play(tmp_path, scenario)


def test_key_and_local_credential_have_no_session_to_end(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for token in (await rig.key("admin"), rig.local()):
            answer = await rig.ask("POST", "/v0/auth/logout", token=token)
            assert (answer.status_code, error_of(answer)["code"]) == (403, "session_required")
            assert (await rig.ask("GET", "/v0/auth/me", token=token)).json()["role"] == "admin"

    play(tmp_path, scenario)


def test_new_password_ends_every_session_but_the_one_it_answers(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        old = rig.session("viewer")
        change = {"current_password": PASSWORD, "new_password": "another phrase"}
        answer = await rig.ask("POST", "/v0/auth/password", change, token=old)
        assert answer.status_code == 200
        assert (await rig.ask("GET", "/v0/auth/me", token=old)).status_code == 401
        assert (await rig.ask("GET", "/v0/auth/me", token=answer.json()["token"])).status_code == 200
        assert (await log_in(rig, "viewer")).status_code == 401
        assert (await log_in(rig, "viewer", "another phrase")).status_code == 200

    play(tmp_path, scenario)


def test_stolen_session_cannot_guess_the_password_for_long(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        change = {"current_password": "guess", "new_password": "another phrase"}
        token = rig.viewer
        statuses = [(await rig.ask("POST", "/v0/auth/password", change, token=token)).status_code for _ in range(6)]
        assert statuses == [403] * 5 + [429]

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"current_password": PASSWORD, "new_password": "short"}, "new_password"),
        ({"current_password": PASSWORD, "new_password": "ä" * 600}, "new_password"),
        ({"current_password": PASSWORD}, "new_password"),
        ({"current_password": PASSWORD, "new_password": "a long phrase", "user": "admin"}, "user"),
    ],
)
def test_password_that_does_not_fit_is_refused_without_repeating_it(
    change: dict[str, str], param: str, tmp_path: Path
) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("POST", "/v0/auth/password", change, token=rig.viewer)
        assert (answer.status_code, error_of(answer)["param"]) == (422, param)
        assert PASSWORD not in answer.text
        assert "ääää" not in answer.text

    play(tmp_path, scenario)
