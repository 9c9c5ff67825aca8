"""llmlb login and logout"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.command_line import Run
from cli.fake_router import TOKEN, Answer, FakeRouter, refusal

Pipe = Callable[[str], None]


@pytest.fixture
def bare(router: FakeRouter, monkeypatch: pytest.MonkeyPatch) -> FakeRouter:
    """The fake router, to be found without variables."""
    monkeypatch.delenv("LLMLB_URL")
    monkeypatch.delenv("LLMLB_TOKEN")
    return router


def _log_in(run: Run, piped: Pipe, *words: str) -> None:
    piped("secret word\n")
    ran = run("login", "--username", "admin", "--password-stdin", *words)
    assert ran.code == 0, ran.err


def test_a_login_is_kept_privately_and_used_from_then_on(bare: FakeRouter, run: Run, piped: Pipe, home: Path) -> None:
    _log_in(run, piped, "--url", bare.url)
    kept = home / "state" / "credentials.toml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert TOKEN not in (home / "config" / "contexts.toml").read_text(encoding="utf-8")
    assert run("nodes", "list").code == 0
    assert bare.asked[-1].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_login_tells_user_role_expiry_and_where_it_is_kept(
    bare: FakeRouter, run: Run, piped: Pipe, home: Path
) -> None:
    piped("secret word\n")
    ran = run("login", "--username", "admin", "--password-stdin", "--url", bare.url)
    assert f"logged in to {bare.url} as admin (admin) until 20" in ran.out
    assert str(home / "state" / "credentials.toml") in ran.out
    assert "secret word" not in ran.out + ran.err
    assert TOKEN not in ran.out + ran.err


def test_a_login_asks_a_person_for_name_and_password(bare: FakeRouter, run: Run, typed: Callable[..., None]) -> None:
    typed("kim", "unused")
    ran = run("login", "--url", bare.url)
    assert ran.code == 0
    assert f"User name at {bare.url} [admin]:" in ran.err
    body = bare.asked[-1].body
    assert isinstance(body, dict)
    assert body["username"] == "kim"


def test_a_router_gets_the_name_it_is_given(bare: FakeRouter, run: Run, piped: Pipe) -> None:
    _log_in(run, piped, "--url", bare.url, "--context", "prod")
    assert run("nodes", "list", "--context", "prod").code == 0
    piped("secret word\n")
    again = run("login", "--context", "prod", "--username", "admin", "--password-stdin", "-o", "json")
    assert json.loads(again.out)["item"]["context"] == "prod"


def test_a_new_name_needs_an_address(run: Run, piped: Pipe) -> None:
    ran = run("login", "--context", "prod", "--username", "admin", "--password-stdin")
    assert ran.code == 2
    assert "--url" in ran.err


def test_an_expired_credential_in_the_environment_does_not_hinder_a_login(
    bare: FakeRouter, run: Run, piped: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMLB_TOKEN", "expired")
    _log_in(run, piped, "--url", bare.url)
    (asked,) = bare.told("POST", "/v0/auth/login")
    assert "authorization" not in asked.headers


def test_a_wrong_password_is_code_4_and_keeps_nothing(bare: FakeRouter, run: Run, piped: Pipe, home: Path) -> None:
    bare.answers["POST", "/v0/auth/login"] = refusal(401, "wrong_password", "User name or password is wrong.")
    piped("wrong\n")
    ran = run("login", "--username", "admin", "--password-stdin", "--url", bare.url)
    assert ran.code == 4
    assert "User name or password is wrong." in ran.err
    assert not (home / "state" / "credentials.toml").exists()


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": 5, "expires_in": 1}, {"token": "x", "expires_in": None}])
def test_an_answer_that_is_no_session_is_refused(body: object, bare: FakeRouter, run: Run, piped: Pipe) -> None:
    bare.answers["POST", "/v0/auth/login"] = Answer(200, body)
    piped("secret word\n")
    ran = run("login", "--username", "admin", "--password-stdin", "--url", bare.url)
    assert ran.code == 1
    assert "did not answer a session" in ran.err


def test_a_password_over_plain_http_to_another_machine_is_warned_of(run: Run, piped: Pipe) -> None:
    piped("secret word\n")
    ran = run("login", "--username", "a", "--password-stdin", "--url", "http://192.0.2.1", "--timeout", "0.2")
    assert "warning: http://192.0.2.1 is not https" in ran.err


def test_logging_out_ends_the_session_at_the_router_and_here(bare: FakeRouter, run: Run, piped: Pipe) -> None:
    _log_in(run, piped, "--url", bare.url)
    assert run("logout").out == "logged out of local  next: llmlb login\n"
    assert bare.told("POST", "/v0/auth/logout")
    assert run("nodes", "list").code == 4


def test_logging_out_works_while_the_router_is_away(bare: FakeRouter, run: Run, piped: Pipe, home: Path) -> None:
    _log_in(run, piped, "--url", bare.url)
    for file in ("config/contexts.toml", "state/credentials.toml"):
        path = home / file
        path.write_text(path.read_text(encoding="utf-8").replace(bare.url, "http://127.0.0.1:1"), encoding="utf-8")
    ran = run("logout")
    assert ran.code == 0
    assert "was not ended at the router" in ran.err


def test_every_login_can_be_forgotten_at_once(bare: FakeRouter, run: Run, piped: Pipe) -> None:
    _log_in(run, piped, "--url", bare.url, "--context", "one")
    _log_in(run, piped, "--url", bare.url, "--context", "two")
    assert run("logout", "--all").out == "logged out of one, two  next: llmlb login\n"
    assert len(bare.told("POST", "/v0/auth/logout")) == 2


def test_logging_out_without_a_login_is_told(bare: FakeRouter, run: Run) -> None:
    ran = run("logout", "--url", bare.url)
    assert ran.code == 1
    assert "not logged in" in ran.err
