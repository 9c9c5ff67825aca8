"""llmlb context list, use, add, set, remove, show and current"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.command_line import Run

from llmlb.client.contexts import Context, load_contexts
from llmlb.client.credentials import Folders, Login, store_login

ELSEWHERE = "https://router.example:8080"


def test_the_first_context_is_used_at_once_and_others_when_asked(home: Path, run: Run) -> None:
    assert run("context", "add", "prod", "--url", f"{ELSEWHERE}/").out == (
        f"added prod ({ELSEWHERE})  next: llmlb login --context prod\n"
    )
    run("context", "add", "lab", "--url", "http://10.0.0.2:8080")
    assert run("context", "current").out == "prod\n"
    assert "now using lab" in run("context", "use", "lab").out
    run("context", "add", "third", "--url", "http://10.0.0.3:8080", "--use")
    assert (
        run("context", "current", "-o", "json").out
        == json.dumps(
            {
                "apiVersion": "llmlb/v1",
                "kind": "Context",
                "item": {"name": "third", "url": "http://10.0.0.3:8080"},
            },
            indent=2,
        )
        + "\n"
    )
    assert run("context", "list").out == (
        "   CONTEXT  URL                          USER  LOGIN  UNTIL\n"
        "   lab      http://10.0.0.2:8080         -     none   -\n"
        "   prod     https://router.example:8080  -     none   -\n"
        "*  third    http://10.0.0.3:8080         -     none   -\n"
    )


def test_a_variable_wins_over_the_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("context", "add", "prod", "--url", ELSEWHERE)
    run("context", "add", "lab", "--url", "http://10.0.0.2:8080")
    monkeypatch.setenv("LLMLB_CONTEXT", "lab")
    assert run("context", "current").out == "lab\n"


def test_where_there_is_none_the_next_step_is_told(run: Run) -> None:
    ran = run("context", "list")
    assert (ran.code, "llmlb context add makes one" in ran.err) == (0, True)
    assert run("context", "current").code == 6
    assert run("context", "show").code == 6


def test_an_unknown_context_gets_the_nearest_name(run: Run) -> None:
    run("context", "add", "prod-eu", "--url", ELSEWHERE)
    for words in (["use"], ["remove"], ["show"], ["set"]):
        ran = run("context", *words, "prod-ue")
        assert (ran.code, "did you mean prod-eu" in ran.err) == (6, True)


@pytest.mark.parametrize(
    "words",
    [
        "add ../x --url http://a",
        "add x --url nowhere",
        "add x --url http://user@a",
        "add x --url http://a --default-output jsn",
        "add x --url http://a --ca-file missing.pem",
        "add x --url http://a --title-color rde",
        "add x",
    ],
)
def test_what_cannot_be_a_context_is_refused_and_not_kept(words: str, home: Path, run: Run) -> None:
    assert run("context", *words.split()).code == 2
    assert not (home / "config").exists()


def test_a_context_is_changed_value_by_value(home: Path, run: Run) -> None:
    (home / "ca.pem").write_text("x")
    run("context", "add", "prod", "--url", ELSEWHERE, "--confirm-name", "--ca-file", "ca.pem", "--user", "kim")
    assert run("context", "add", "prod", "--url", ELSEWHERE).code == 7
    run("context", "set", "prod", "--default-output", "wide", "--user", "")
    found = load_contexts(home / "config" / "contexts.toml").by_name["prod"]
    assert found == Context("prod", ELSEWHERE, ca_file=str(home / "ca.pem"), confirm="type-name", default_output="wide")
    run("context", "set", "prod", "--no-confirm-name", "--title-color", "red")
    found = load_contexts(home / "config" / "contexts.toml").by_name["prod"]
    assert (found.confirm, found.color) == ("", "red")
    assert json.loads(run("context", "show", "prod", "-o", "json").out)["item"]["color"] == "red"


def _log_in(home: Path, name: str, url: str, expires_at_unix_s: float) -> None:
    folders = Folders(home / "config", home / "state", home / "data")
    store_login(folders, Context(name, url), Login("jwt", "kim", "admin", expires_at_unix_s))


def test_a_login_is_shown_without_its_secret_and_goes_with_the_context(home: Path, run: Run) -> None:
    _log_in(home, "prod", ELSEWHERE, 4_000_000_000.0)
    _log_in(home, "old", "https://old.example", 1_000_000_000.0)
    rows = {row["name"]: row for row in json.loads(run("context", "list", "-o", "json").out)["items"]}
    assert (rows["prod"]["login"], rows["prod"]["login_expires_at"]) == ("logged in", "2096-10-02T07:06:40Z")
    assert rows["old"]["login"] == "expired"
    assert "jwt" not in run("context", "list", "-o", "yaml").out
    assert run("context", "remove", "prod", "--dry-run").out.startswith("would remove prod")
    assert "and its login" in run("context", "remove", "prod").out
    assert "prod" not in (home / "state" / "credentials.toml").read_text()


def test_a_context_that_moves_leaves_its_login_behind(home: Path, run: Run) -> None:
    _log_in(home, "prod", ELSEWHERE, 4_000_000_000.0)
    run("context", "set", "prod", "--url", "https://new.example")
    assert json.loads(run("context", "show", "prod", "-o", "json").out)["item"]["login"] == "none"
