"""Logging in."""

from __future__ import annotations

import asyncio

import pytest

from llmlb.auth import denials
from llmlb.auth.gatekeeper import Gatekeeper
from llmlb.auth.login import LoggedIn, LoginDesk
from llmlb.auth.passwords import Passwords
from llmlb.auth.principals import Denial, Operator, Role
from llmlb.auth.sessions import Sessions
from llmlb.errors import PasswordsBusy
from llmlb.store.rows import UserRow

NOW = 1_800_000_000.0


class PlainHasher:
    """A password is its own hash: what is tested here is not argon2."""

    def __init__(self) -> None:
        self.worked_on: list[bytes] = []

    def hash(self, password: bytes) -> str:
        self.worked_on.append(password)
        return password.hex()

    def verify(self, hash: str, password: bytes) -> bool:
        self.worked_on.append(password)
        return hash == password.hex()


class Scene:
    def __init__(self) -> None:
        self.hasher = PlainHasher()
        self.passwords = Passwords(self.hasher)
        self.gatekeeper = Gatekeeper(Sessions(b"s" * 32))
        self.gatekeeper.put_user(
            UserRow(
                id="u1", username="ada", password_hash=b"right".hex(), role="viewer", created_at=0.0, token_version=4
            )
        )
        self.desk = LoginDesk(self.gatekeeper, self.passwords)

    def log_in(self, username: str, password: str, *, now_s: float = 0.0) -> LoggedIn | Denial:
        return asyncio.run(self.desk.log_in(username, password, address="192.0.2.1", now_s=now_s, now_unix=NOW))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_right_password_opens_a_session_that_the_gatekeeper_knows(scene: Scene) -> None:
    done = scene.log_in("ada", "right")
    assert isinstance(done, LoggedIn)
    assert done.user.username == "ada"
    caller = scene.gatekeeper.operator(f"Bearer {done.token.token}".encode(), NOW + 1)
    assert isinstance(caller, Operator)
    assert (caller.username, caller.role) == ("ada", Role.VIEWER)


def test_a_wrong_password_and_an_unknown_user_cannot_be_told_apart(scene: Scene) -> None:
    assert scene.log_in("ada", "wrong") is denials.WRONG_LOGIN
    assert scene.log_in("eve", "wrong") is denials.WRONG_LOGIN
    assert scene.hasher.worked_on == [b"wrong", b"wrong"], "an unknown user costs one hash, which takes as long"


@pytest.mark.parametrize(
    ("username", "password"),
    [("admin", "test"), ("admin", "admin"), ("admin", ""), ("", ""), ("root", "root"), ("admin", "llmlb")],
)
def test_no_well_known_password_works(scene: Scene, username: str, password: str) -> None:
    assert scene.log_in(username, password) is denials.WRONG_LOGIN


def test_of_a_hundred_guesses_a_handful_is_evaluated(scene: Scene) -> None:
    answers = [scene.log_in("ada", str(number), now_s=number * 0.01) for number in range(100)]
    assert len(scene.hasher.worked_on) == 5
    assert all(isinstance(answer, Denial) and answer.status == 429 for answer in answers[5:])


def test_the_right_password_may_be_used_all_day(scene: Scene) -> None:
    assert all(isinstance(scene.log_in("ada", "right", now_s=n * 0.01), LoggedIn) for n in range(50))


def test_a_crowd_of_logins_is_told_to_come_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(password_hash: str | None, password: str) -> bool:
        raise PasswordsBusy

    monkeypatch.setattr(scene.passwords, "verify", busy)
    assert scene.log_in("ada", "right") is denials.LOGINS_QUEUED
