"""llmlb users list, create and delete"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cli.command_line import Run
from cli.fake_router import FakeRouter, refusal


def test_users_are_listed_by_name(router: FakeRouter, run: Run) -> None:
    router.users.append({"id": "2", "username": "Kim", "role": "viewer", "created_at": "", "last_login": None})
    assert (
        run("users", "list").out
        == "USER   ROLE    CREATED  LAST LOGIN\nadmin  admin   -        never\nKim    viewer  -        never\n"
    )
    assert run("users", "list", "-o", "name").out == "admin\nKim\n"


def test_a_user_is_created_with_a_password_from_a_pipe(
    router: FakeRouter, run: Run, piped: Callable[[str], None]
) -> None:
    piped("long password\n")
    ran = run("users", "create", "kim", "--role", "admin", "--password-stdin")
    assert ran.out == "created kim (admin)  next: llmlb login --username kim\n"
    assert router.asked[0].body == {"username": "kim", "password": "long password", "role": "admin"}


def test_the_password_of_a_new_user_is_never_printed(
    router: FakeRouter, run: Run, piped: Callable[[str], None]
) -> None:
    for form in ("table", "json"):
        piped("long password\n")
        router.answers["POST", "/v0/users"] = refusal(409, "username_taken", "There is one already.")
        ran = run("users", "create", "kim", "--password-stdin", "-o", form, "-v")
        assert "long password" not in ran.out + ran.err


def test_a_role_that_does_not_exist_is_refused(router: FakeRouter, run: Run) -> None:
    ran = run("users", "create", "kim", "--role", "admn")
    assert ran.code == 2
    assert "did you mean admin" in ran.err


def test_deleting_a_user_needs_the_name(router: FakeRouter, run: Run, typed: Callable[..., None]) -> None:
    assert run("users", "delete", "kim", "--yes").code == 2
    typed("kim")
    assert run("users", "delete", "kim").out == "deleted kim  next: llmlb users list\n"
    assert router.told("DELETE", "/v0/users/kim")


@pytest.mark.parametrize("how", ["--confirm={}", "--dry-run"])
@pytest.mark.parametrize(("name", "hint"), [("admn", "did you mean admin"), ("zzz", "llmlb users list")])
def test_an_unknown_user_gets_the_nearest_name(how: str, name: str, hint: str, router: FakeRouter, run: Run) -> None:
    router.answers["DELETE", f"/v0/users/{name}"] = refusal(404, "user_not_found", "There is no such user.")
    ran = run("users", "delete", name, how.format(name))
    assert (ran.code, ran.out) == (6, "")
    assert ran.err.startswith(f'error: there is no user "{name}"')
    assert hint in ran.err


def test_a_role_is_changed_after_a_question_and_not_where_it_is_that_already(router: FakeRouter, run: Run) -> None:
    router.users.append({"username": "kim", "role": "viewer"})
    assert run("users", "set", "kim", "--role", "admin").code == 2
    assert "would PATCH" in run("users", "set", "kim", "--role", "admin", "--dry-run").out
    assert run("users", "set", "kim", "--role", "viewer").out == "kim is viewer now  next: llmlb users list\n"
    assert run("users", "set", "kym", "--role", "admin", "--yes").code == 6
    assert run("users", "set", "kim", "--role", "root", "--yes").code == 2
    assert router.told("PATCH", "/v0/users/kim") == []
    assert run("users", "set", "kim", "--role", "admin", "--yes").code == 0
    assert router.told("PATCH", "/v0/users/kim")[0].body == {"role": "admin"}
