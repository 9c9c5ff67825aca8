"""llmlb join-tokens list, create and delete"""

from __future__ import annotations

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, FakeRouter

PATH = "/v0/join-tokens"


@pytest.fixture
def tokens(router: FakeRouter) -> FakeRouter:
    at = {"created_at": "2026-01-31T12:00:00Z", "expires_at": None}
    rows = [
        {"id": "join_1", "name": "rack-3", "hint": "...abcd", "max_uses": 8, "uses": 3, **at},
        {"id": "join_2", "name": "lab", "hint": "...ef01", "max_uses": None, "uses": 0, **at},
    ]
    router.answers["GET", PATH] = Answer(200, {"join_tokens": rows})
    router.answers["POST", PATH] = Answer(201, {**rows[1], "token": "jt_secret"})
    for row in rows:
        router.answers["DELETE", f"{PATH}/{row['id']}"] = Answer(204)
    return router


def test_tokens_are_listed_with_their_uses(tokens: FakeRouter, run: Run) -> None:
    assert run("join-token", "list").out == (
        "ID      NAME    HINT     USES  AT MOST  CREATED              EXPIRES\n"
        "join_1  rack-3  ...abcd     3        8  2026-01-31 12:00:00  never\n"
        "join_2  lab     ...ef01     0      any  2026-01-31 12:00:00  never\n"
    )
    assert run("join-tokens", "list", "--filter", "uses:0", "-o", "name").out == "join_2\n"


def test_a_new_token_is_alone_on_stdout(tokens: FakeRouter, run: Run) -> None:
    ran = run("join-tokens", "create", "lab", "--max-uses", "4")
    assert (ran.code, ran.out) == (0, "jt_secret\n")
    assert "join_2, without an end" in ran.err
    assert tokens.asked[-1].body == {"name": "lab", "max_uses": 4}
    assert run("join-tokens", "create", "lab", "--expires", "soon").code == 2


def test_a_token_is_deleted_after_a_question_and_a_stranger_is_named(tokens: FakeRouter, run: Run) -> None:
    assert run("join-tokens", "delete", "join_1").code == 2
    assert run("join-tokens", "delete", "join_1", "join_3", "--yes").code == 6
    assert "would delete" in run("join-tokens", "delete", "--filter", "rack", "--dry-run").out
    assert {asked.method for asked in tokens.asked} == {"GET"}
    assert run("join-tokens", "delete", "join_1", "--yes", "-o", "name").out == "join_1\n"
    assert tokens.told("DELETE", f"{PATH}/join_1") != []
