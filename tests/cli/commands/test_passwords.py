"""llmlb users passwd, where a router runs; without one see test_local_store"""

from __future__ import annotations

from collections.abc import Callable

from cli.command_line import Run
from cli.fake_router import FakeRouter

Pipe = Callable[[str], None]


def test_an_admin_sets_anybodys_password(router: FakeRouter, run: Run, piped: Pipe) -> None:
    piped("new password\n")
    router.users.append({"username": "kim", "role": "viewer"})
    assert run("users", "passwd", "kim", "--password-stdin", "--yes").code == 0
    (asked,) = router.told("PATCH", "/v0/users/kim")
    assert asked.body == {"password": "new password"}


def test_a_viewer_gives_the_current_password_for_the_own_account(router: FakeRouter, run: Run, piped: Pipe) -> None:
    router.me = {"username": "kim", "role": "viewer"}
    piped("old password\nnew password\n")
    assert run("users", "passwd", "--password-stdin").out.startswith("changed the password of kim")
    (asked,) = router.told("POST", "/v0/auth/password")
    assert asked.body == {"current_password": "old password", "new_password": "new password"}


def test_a_viewer_cannot_change_somebody_else(router: FakeRouter, run: Run, piped: Pipe) -> None:
    router.me = {"username": "kim", "role": "viewer"}
    piped("a\nb\n")
    assert run("users", "passwd", "admin", "--password-stdin").code == 5


def test_a_short_password_is_refused_before_it_is_sent(router: FakeRouter, run: Run, piped: Pipe) -> None:
    piped("short\n")
    assert run("users", "passwd", "--password-stdin").code == 2
    assert router.told("PATCH", "/v0/users/admin") == []


def test_nobody_is_logged_out_without_a_question_and_a_dry_run_reads_no_password(router: FakeRouter, run: Run) -> None:
    router.users.append({"username": "kim", "role": "viewer"})
    ran = run("users", "passwd", "kim", "--password-stdin")
    assert (ran.code, "add --yes" in ran.err) == (2, True)
    assert (
        run("users", "passwd", "kim", "--dry-run").out
        == f'would PATCH {router.url}/v0/users/kim {{"password": "***"}}\n'
    )
    assert run("users", "passwd", "kym", "--dry-run").code == 6
    router.me = {"username": "kim", "role": "viewer"}
    assert run("users", "passwd", "--dry-run").out.startswith("would POST")
    assert {asked.method for asked in router.asked} == {"GET"}
