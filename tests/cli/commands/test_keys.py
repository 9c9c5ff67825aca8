"""llmlb keys list, create and revoke"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cli.command_line import Run
from cli.fake_router import FakeRouter


def _key(key_id: str, name: str, **fields: object) -> dict[str, object]:
    usual = {"id": key_id, "name": name, "hint": "7mQ", "scopes": ["api"], "created_at": "2026-01-31T12:00:00Z"}
    return {**usual, "expires_at": None, "models": None, "requests_per_minute": None, "max_concurrency": None, **fields}


def test_keys_are_listed_by_what_their_holders_recognise(router: FakeRouter, run: Run) -> None:
    router.keys = [_key("key_1", "ci", scopes=["api", "admin"]), _key("key_2", "x", expires_at="2027-01-31T00:00:00Z")]
    assert run("keys", "list").out == (
        "ID     NAME  HINT  SCOPES     CREATED              EXPIRES\n"
        "key_1  ci    7mQ   api,admin  2026-01-31 12:00:00  never\n"
        "key_2  x     7mQ   api        2026-01-31 12:00:00  2027-01-31 00:00:00\n"
    )


def test_a_new_key_is_all_of_stdout_so_that_a_script_can_keep_it(router: FakeRouter, run: Run) -> None:
    ran = run("keys", "create", "ci")
    assert ran.out == "sk-secret\n"
    assert "only now" in ran.err
    assert "sk-secret" not in ran.err
    assert run("keys", "create", "ci", "-q") == (0, "sk-secret\n", "")
    assert json.loads(run("keys", "create", "ci", "-o", "json").out)["item"]["key"] == "sk-secret"


def test_limits_of_a_key_reach_the_router(router: FakeRouter, run: Run) -> None:
    line = (
        "keys create b --scope metrics --scope api --model m1 --model m2 --requests-per-minute 60 --max-concurrency 4"
    )
    run(*line.split(), "--expires", "2099-01-31T00:00:00Z")
    assert router.asked[0].body == {
        "name": "b",
        "scopes": ["metrics", "api"],
        "expires_at": "2099-01-31T00:00:00Z",
        "models": ["m1", "m2"],
        "requests_per_minute": 60,
        "max_concurrency": 4,
    }


@pytest.mark.parametrize("words", ["--scope admn", "--expires soon", "--max-concurrency 0", "--requests-per-minute x"])
def test_a_key_that_makes_no_sense_is_refused_before_asking(words: str, router: FakeRouter, run: Run) -> None:
    assert run("keys", "create", "b", *words.split()).code == 2
    assert router.asked == []


def test_a_key_is_revoked_by_id_or_by_name_after_a_yes(
    router: FakeRouter, run: Run, typed: Callable[..., None]
) -> None:
    router.keys = [_key("key_1", "ci"), _key("key_2", "other")]
    assert run("keys", "revoke", "ci").code == 2
    typed("y")
    assert run("keys", "revoke", "ci").out == "revoked key_1 (ci)  next: llmlb keys list\n"
    assert run("keys", "revoke", "key_2", "--yes").code == 0
    assert [asked.path for asked in router.asked if asked.method == "DELETE"] == [
        "/v0/api-keys/key_1",
        "/v0/api-keys/key_2",
    ]


def test_a_name_that_two_keys_share_is_refused(router: FakeRouter, run: Run) -> None:
    router.keys = [_key("key_1", "ci"), _key("key_2", "ci")]
    ran = run("keys", "revoke", "ci", "--yes")
    assert ran.code == 2
    assert "key_1, key_2" in ran.err


def test_an_unknown_key_gets_the_nearest_name(router: FakeRouter, run: Run) -> None:
    router.keys = [_key("key_1", "batch")]
    ran = run("keys", "revoke", "bach", "--yes")
    assert ran.code == 6
    assert "did you mean batch" in ran.err
