"""One verb on several things."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cli.command_line import Run
from cli.fake_router import FakeRouter, refusal

from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.several import act_on_each

Typed = Callable[..., None]


@pytest.fixture
def access(router: FakeRouter) -> FakeRouter:
    router.keys = [
        {"id": f"key_{number}", "name": name, "scopes": [scope], "created_at": "2026-01-31T12:00:00Z"}
        for number, (name, scope) in enumerate((("ci", "api"), ("batch", "api"), ("ops", "admin")), 1)
    ]
    router.users = [{"id": f"usr_{name}", "username": name, "role": "viewer"} for name in ("kim", "lee", "ada")]
    return router


def deleted(router: FakeRouter) -> list[str]:
    return [asked.path.rpartition("/")[2] for asked in router.asked if asked.method == "DELETE"]


def test_one_failure_does_not_keep_the_rest_from_happening() -> None:
    def act(name: str) -> dict[str, object]:
        if name == "b":
            raise Failure("gone", exit_code=ExitCode.NOT_FOUND)
        return {"state": name}

    outcomes = act_on_each(["a", "b", "c"], act)
    assert [(each.id, each.failure is None) for each in outcomes] == [("a", True), ("b", False), ("c", True)]


def test_what_would_stop_all_of_them_ends_it() -> None:
    tried: list[str] = []

    def act(name: str) -> dict[str, object]:
        tried.append(name)
        if name != "a":
            raise Failure("refused", exit_code=ExitCode.FORBIDDEN)
        return {}

    outcomes = act_on_each(["a", "b", "c"], act)
    assert tried == ["a", "b"]
    assert outcomes[2].failure is not None
    assert outcomes[2].failure.code == "not_tried"
    with pytest.raises(Failure):
        act_on_each(["b", "c"], act)


def test_several_keys_are_revoked_after_one_yes(access: FakeRouter, run: Run, typed: Typed) -> None:
    assert run("keys", "revoke", "ci", "key_2").code == 2
    typed("y")
    ran = run("keys", "revoke", "ci", "key_2")
    assert ran.code == 0
    assert ran.out == "ID     OUTCOME  DETAIL\nkey_1  revoked  ci\nkey_2  revoked  batch\n"
    assert deleted(access) == ["key_1", "key_2"]


def test_keys_are_found_by_a_filter_or_read_from_a_pipe(
    access: FakeRouter, run: Run, piped: Callable[[str], None]
) -> None:
    assert run("keys", "revoke", "--filter", "scopes:admin", "--yes", "-o", "name").out == "key_3\n"
    piped("key_1\nbatch\n")
    assert run("keys", "revoke", "-f", "-", "--yes", "-o", "name").out == "key_1\nkey_2\n"
    assert run("keys", "revoke", "--filter", "nothing", "--yes").err == "no key matches, nothing to do\n"
    assert run("keys", "revoke", "ci", "--filter", "ci", "--yes").code == 2
    assert run("keys", "revoke").code == 2
    assert deleted(access) == ["key_3", "key_1", "key_2"]


def test_several_users_ask_for_their_number(access: FakeRouter, run: Run) -> None:
    access.answers["DELETE", "/v0/users/lee"] = refusal(409, "last_admin", "The last admin stays.")
    assert run("users", "delete", "kim", "lee", "--yes").code == 2
    assert run("users", "delete", "kim", "lee", "--confirm=3").code == 2
    ran = run("users", "delete", "kim", "lee", "--confirm=2", "-o", "json")
    assert ran.code == 9
    assert json.loads(ran.out)["meta"] == {"succeeded": 1, "failed": 1, "count": 2}


@pytest.mark.parametrize("words", ["keys revoke ci batch", "keys revoke --filter api", "users delete --filter viewer"])
def test_a_dry_run_lists_what_would_be_done(words: str, access: FakeRouter, run: Run) -> None:
    ran = run(*words.split(), "--dry-run", "-o", "json")
    document = json.loads(ran.out)
    assert (ran.code, deleted(access)) == (0, [])
    assert document["meta"]["dry_run"] is True
    assert all(item["outcome"].startswith("would ") for item in document["items"])
