"""API keys and join tokens: shown once, kept as hashes, ended at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from api.rig import Rig, error_of, play

from llmlb.auth.tokens import hash_token
from llmlb.errors import StoreFull

KEYS, JOINS = "/v0/api-keys", "/v0/join-tokens"


def test_key_is_shown_once_and_works_until_it_is_revoked(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        made = await rig.ask("POST", KEYS, {"name": "ci"}, token=rig.admin)
        assert made.status_code == 201
        key, key_id = made.json()["key"], made.json()["id"]
        assert key.startswith("sk-")
        listed = await rig.ask("GET", KEYS, token=rig.admin)
        assert listed.json()["api_keys"] == [{k: v for k, v in made.json().items() if k != "key"}]
        assert key not in listed.text
        assert hash_token(key) not in listed.text
        assert (await rig.ask("GET", "/v1/models", token=key)).status_code == 200
        assert (await rig.ask("DELETE", f"{KEYS}/{key_id}", token=rig.admin)).status_code == 204
        assert (await rig.ask("GET", "/v1/models", token=key)).status_code == 401
        again = await rig.ask("DELETE", f"{KEYS}/{key_id}", token=rig.admin)
        assert (again.status_code, error_of(again)["code"]) == (404, "key_not_found")
        assert (await rig.ask("GET", KEYS, token=rig.admin)).json()["api_keys"] == []

    play(tmp_path, scenario)


def test_key_keeps_the_limits_it_was_given(tmp_path: Path) -> None:
    wanted = {
        "name": "app",
        "scopes": ["api", "metrics", "api"],
        "expires_at": "2031-01-01T02:00:00+02:00",
        "models": ["a", "b"],
        "requests_per_minute": 60,
        "max_concurrency": 4,
    }

    async def scenario(rig: Rig) -> None:
        shown = (await rig.ask("POST", KEYS, wanted, token=rig.admin)).json()
        assert shown["scopes"] == ["api", "metrics"]
        assert shown["expires_at"] == "2031-01-01T00:00:00Z"
        assert {name: shown[name] for name in ("models", "requests_per_minute", "max_concurrency")} == {
            "models": ["a", "b"],
            "requests_per_minute": 60,
            "max_concurrency": 4,
        }

    play(tmp_path, scenario)


def test_expiry_in_the_past_or_beyond_all_calendars_is_refused(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for path in (KEYS, JOINS):
            for expires_at in ("2020-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"):
                answer = await rig.ask("POST", path, {"name": "x", "expires_at": expires_at}, token=rig.admin)
                assert (answer.status_code, error_of(answer)["param"]) == (422, "expires_at"), (path, expires_at)

    play(tmp_path, scenario)


def test_key_stops_when_it_expires(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        wanted = {"name": "short", "expires_at": "2026-09-21T15:00:00Z"}
        key = (await rig.ask("POST", KEYS, wanted, token=rig.admin)).json()["key"]
        assert (await rig.ask("GET", "/v1/models", token=key)).status_code == 200
        rig.clock.pass_s(3600)
        expired = await rig.ask("GET", "/v1/models", token=key)
        assert (expired.status_code, error_of(expired)["code"]) == (401, "expired_api_key")

    play(tmp_path, scenario)


def test_full_disk_makes_no_key_and_ends_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig) -> None:
        made = (await rig.ask("POST", KEYS, {"name": "ci"}, token=rig.admin)).json()

        async def refuse(*_: object, **__: object) -> None:
            raise StoreFull

        for verb in ("save_key", "revoke_key", "save_join_token", "delete_join_token"):
            monkeypatch.setattr(rig.services.store, verb, refuse)
        for path in (KEYS, JOINS):
            refused = await rig.ask("POST", path, {"name": "x"}, token=rig.admin)
            assert refused.status_code == 507
            assert "sk-" not in refused.text
        assert (await rig.ask("DELETE", f"{KEYS}/{made['id']}", token=rig.admin)).status_code == 507
        assert (await rig.ask("GET", "/v1/models", token=made["key"])).status_code == 200

    play(tmp_path, scenario)


def test_join_token_is_shown_once_and_ends_when_deleted(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        made = await rig.ask("POST", JOINS, {"max_uses": 2}, token=rig.admin)
        token, token_id = made.json()["token"], made.json()["id"]
        assert token.startswith("jt_")
        listed = await rig.ask("GET", JOINS, token=rig.admin)
        assert [entry["id"] for entry in listed.json()["join_tokens"]] == [token_id]
        assert token not in listed.text
        assert (await rig.ask("DELETE", f"{JOINS}/{token_id}", token=rig.admin)).status_code == 204
        assert (await rig.ask("DELETE", f"{JOINS}/{token_id}", token=rig.admin)).status_code == 404
        assert (await rig.ask("GET", JOINS, token=rig.admin)).json()["join_tokens"] == []

    play(tmp_path, scenario)


def test_join_token_may_be_made_without_a_body(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.ask("POST", JOINS, token=rig.admin)).json()["name"] == "join token"

    play(tmp_path, scenario)


def test_audit_tells_who_made_which_key_and_never_the_key(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        made = (await rig.ask("POST", KEYS, {"name": "ci"}, token=rig.admin)).json()
        joined = (await rig.ask("POST", JOINS, {"name": "rack 3"}, token=rig.admin)).json()
        await rig.ask("DELETE", f"{KEYS}/{made['id']}", token=rig.local())
        rows = await rig.services.store.list_audit()
        assert [(row.action, row.actor, row.detail) for row in rows] == [
            ("key.revoke", "local", "ci"),
            ("join_token.create", "user:admin", "rack 3"),
            ("key.create", "user:admin", "ci: api"),
        ]
        assert all(made["key"] not in str(row) and joined["token"] not in str(row) for row in rows)

    play(tmp_path, scenario)
