"""llmlb users passwd, where a router runs; without one see test_local_store"""

from __future__ import annotations

from collections.abc import Callable

from cli.command_line import Run
from cli.fake_router import FakeRouter

Pipe = Callable[[str], None]


def test_an_admin_sets_anybodys_password(router: FakeRouter, run: Run, piped: Pipe) -> None:
    piped("new password\n")
    assert run("users", "passwd", "kim", "--password-stdin").code == 0
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
    assert run("users", "passwd", "kim", "--password-stdin").code == 2
    assert router.told("PATCH", "/v0/users/kim") == []
