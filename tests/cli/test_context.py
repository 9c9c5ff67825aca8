"""Which router a command talks to, and what it makes of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.command_line import Run
from cli.fake_router import TOKEN, Answer, FakeRouter, node, refusal

from llmlb.client.contexts import Context
from llmlb.client.credentials import Folders, Login, store_login
from llmlb.clock import unix_s
from llmlb_cli.context import router_from
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.options import Options


def _log_in(home: Path, url: str, *, expires_in_s: float = 3600, **fields: str) -> None:
    folders = Folders(home / "config", home / "state", home / "data")
    login = Login(TOKEN, user="kim", role="admin", expires_at_unix_s=unix_s() + expires_in_s)
    store_login(folders, Context("prod", url, **fields), login)


@pytest.fixture
def bare(router: FakeRouter, monkeypatch: pytest.MonkeyPatch) -> FakeRouter:
    """The fake router, to be found without variables."""
    monkeypatch.delenv("LLMLB_URL")
    monkeypatch.delenv("LLMLB_TOKEN")
    return router


def test_the_context_last_logged_in_to_is_used_without_being_named(bare: FakeRouter, run: Run, home: Path) -> None:
    _log_in(home, bare.url)
    assert run("nodes", "list", "-o", "name").code == 0
    assert bare.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_on_the_routers_own_machine_its_private_file_is_enough(bare: FakeRouter, run: Run, home: Path) -> None:
    (home / "data").mkdir(mode=0o700)
    (home / "data" / "operator_token").touch(mode=0o600)
    (home / "data" / "operator_token").write_text(TOKEN, encoding="ascii")
    assert run("nodes", "list", "--url", bare.url).code == 0


def test_a_private_file_that_others_can_read_is_refused_with_the_command_that_mends_it(
    bare: FakeRouter, run: Run, home: Path
) -> None:
    (home / "data").mkdir(mode=0o700)
    (home / "data" / "operator_token").write_text(TOKEN, encoding="ascii")
    (home / "data" / "operator_token").chmod(0o644)
    ran = run("nodes", "list", "--url", bare.url)
    assert ran.code == 2
    assert "chmod 600" in ran.err
    assert bare.asked == []


def test_a_credential_may_come_from_a_file_or_a_pipe(
    bare: FakeRouter, run: Run, home: Path, piped: Callable[[str], None]
) -> None:
    (home / "token").write_text(f"{TOKEN}\n", encoding="ascii")
    assert run("nodes", "list", "--url", bare.url, "--token-file", "token").code == 0
    piped(f"{TOKEN}\n")
    assert run("nodes", "list", "--url", bare.url, "--token-file", "-").code == 0
    piped("")
    assert run("nodes", "list", "--url", bare.url, "--token-file", "-").code == 2


def test_an_expired_login_is_said_to_have_expired(bare: FakeRouter, run: Run, home: Path) -> None:
    _log_in(home, bare.url, expires_in_s=-60)
    bare.answers["GET", "/v0/nodes"] = refusal(401, "token_expired")
    ran = run("nodes", "list")
    assert ran.code == 4
    assert "login of context prod expired at" in ran.err
    assert "llmlb login --context prod" in ran.err


def test_a_refused_credential_is_named_by_its_source_never_by_its_text(
    router: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMLB_TOKEN", "sk-wrong-secret")
    ran = run("nodes", "list", "-v")
    assert ran.code == 4
    assert "LLMLB_TOKEN" in ran.err
    assert "sk-wrong-secret" not in ran.err


def test_a_context_may_choose_the_format(bare: FakeRouter, run: Run, home: Path) -> None:
    _log_in(home, bare.url, default_output="name")
    bare.add(node("node-1"))
    assert run("nodes", "list").out == "node-1\n"
    assert run("nodes", "list", "-o", "csv", "--fields", "id").out == "id\nnode-1\n"


def test_an_error_names_the_context_and_its_file(bare: FakeRouter, run: Run, home: Path) -> None:
    _log_in(home, "http://127.0.0.1:1")
    assert f"prod (http://127.0.0.1:1, from {home / 'config' / 'contexts.toml'})" in run("nodes", "list").err


def test_an_unknown_context_is_refused(run: Run) -> None:
    assert run("nodes", "list", "--context", "nowhere").code == 2


def test_verbose_tells_what_is_asked_and_with_which_credential(router: FakeRouter, run: Run) -> None:
    ran = run("nodes", "list", "-v", "-o", "name")
    assert ran.err == f"GET {router.url}/v0/nodes  credential: LLMLB_TOKEN\n"


def test_hostile_text_is_cleaned_where_it_comes_in(router: FakeRouter, run: Run) -> None:
    router.add(node("node-1", name="evil\x1b]52;c;AAAA\x07\u202e", tags=["a\x9bb"], gpu_usage=float("nan")))
    for form in ("json", "yaml", "csv", "tsv", "table", "wide", "jsonl", "name"):
        out = run("nodes", "list", "-o", form).out
        assert all(each.isprintable() or each in "\n\t" for each in out)
    (item,) = json.loads(run("nodes", "list", "-o", "json").out)["items"]
    assert (item["name"], item["tags"], item["gpu_usage"]) == ("evil]52;c;AAAA", ["ab"], None)


@pytest.mark.parametrize("body", [b"<html>", {"nodes": 3}, {"nodes": [1]}, {}, [1], None])
def test_a_stranger_behind_the_url_is_not_taken_for_a_router(body: object, router: FakeRouter, run: Run) -> None:
    router.answers["GET", "/v0/nodes"] = Answer(200, body)
    ran = run("nodes", "list")
    assert ran.code == 3
    assert "is it an llmlb router" in ran.err


def test_an_option_that_cannot_be_used_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(Failure) as caught:
        router_from(Options(url="ftp://x"))
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("words", "request_line"),
    [
        ("keys create ci", "POST /v0/api-keys"),
        ("keys revoke key_1 -q", "DELETE /v0/api-keys/key_1"),
        ("users delete admin -q", "DELETE /v0/users/admin"),
        ("nodes add http://10.0.0.7:8000", "POST /v0/nodes"),
        ("alerts ack alert-1", "POST /v0/alerts/alert-1/ack"),
    ],
)
def test_a_dry_run_sends_nothing_that_changes_anything(
    words: str, request_line: str, router: FakeRouter, run: Run
) -> None:
    router.keys.append({"id": "key_1", "name": "ci"})
    router.answers["GET", "/v0/alerts"] = Answer(200, {"alerts": [{"id": "alert-1"}]})
    method, path = request_line.split()
    ran = run(*words.split(), "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"would {method} {router.url}{path}")
    item = json.loads(run(*words.split(), "--dry-run", "-o", "json").out)["item"]
    assert (item["method"], item["path"]) == (method, path)
    assert {asked.method for asked in router.asked} <= {"GET"}


@pytest.mark.parametrize(
    ("words", "code", "cause"),
    [
        ("nodes add nonsense", 2, "This URL cannot be a node's."),
        ("nodes add http://169.254.169.254", 2, "This URL cannot be a node's."),
        ("nodes add http://10.0.0.7:8000 --node-id -x-", 2, "The field node_id must match"),
        (
            "nodes add http://10.0.0.7:8000 --capability-score 99999999999999999999",
            2,
            "The field capability_score must be",
        ),
        ("nodes add http://10.0.0.7:8000 --node-id node-1", 7, "The node id 'node-1' is taken"),
        ("keys create " + "x" * 500, 2, "The field name must have at most 128 characters"),
    ],
)
def test_a_dry_run_refuses_what_the_router_would_refuse(
    words: str, code: int, cause: str, router: FakeRouter, run: Run
) -> None:
    router.add(node("node-1"))
    ran = run(*words.split(), "--dry-run")
    assert (ran.code, ran.out) == (code, "")
    assert cause in ran.err
    assert {asked.method for asked in router.asked} <= {"GET"}


def test_a_dry_run_shows_no_secret(router: FakeRouter, run: Run, piped: Callable[[str], None]) -> None:
    piped("correct horse\n")
    ran = run("users", "create", "kim", "--password-stdin", "--dry-run")
    assert "correct horse" not in ran.out
    assert '"password": "***"' in ran.out
