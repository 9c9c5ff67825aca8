"""Passwords: slow for a guesser, harmless for the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from llmlb.auth.passwords import WAITING_HASHES, Passwords, generate_password
from llmlb.errors import PasswordsBusy


class SlowHasher:
    """Counts how many hashes run at once, and lets none end before it is told to."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.running = 0
        self.most_running = 0
        self.worked_on: list[str] = []
        self._lock = threading.Lock()

    def hash(self, password: bytes) -> str:
        self.worked_on.append(f"made {password.decode()}")
        return f"hash of {password.decode()}"

    def verify(self, hash: str, password: bytes) -> bool:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.worked_on.append(hash)
        self.release.wait(10.0)
        with self._lock:
            self.running -= 1
        return hash == f"hash of {password.decode()}"


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    yield made
    made.close()


def test_the_right_password_is_right_and_every_other_wrong(passwords: Passwords) -> None:
    async def scenario() -> None:
        stored = await passwords.hash("correct horse")
        assert stored.startswith("$argon2id$")
        assert await passwords.verify(stored, "correct horse")
        for wrong in ("", "correct horse ", "Correct horse", "x" * 5000, "\ud800"):
            assert not await passwords.verify(stored, wrong)

    asyncio.run(scenario())


def test_a_hash_at_rest_costs_a_guesser_what_argon2id_should() -> None:
    made = Passwords()
    parameters = asyncio.run(made.hash("x"))
    made.close()
    assert parameters.startswith("$argon2id$v=19$m=65536,t=3,p=")


def test_what_follows_the_72nd_byte_counts(passwords: Passwords) -> None:
    async def scenario() -> bool:
        stored = await passwords.hash("x" * 72 + "a")
        return await passwords.verify(stored, "x" * 72 + "b")

    assert not asyncio.run(scenario())


@pytest.mark.parametrize("password", ["", "x" * 1025, "ü" * 513])
def test_a_password_of_no_or_too_many_bytes_is_not_accepted(passwords: Passwords, password: str) -> None:
    with pytest.raises(ValueError, match="between 1 and 1024 bytes"):
        asyncio.run(passwords.hash(password))


def test_a_damaged_hash_lets_nobody_in(passwords: Passwords) -> None:
    for damaged in ("", "plain", "$argon2id$v=19$m=1$x$y", "$2b$12$abc"):
        assert not asyncio.run(passwords.verify(damaged, "plain"))


def test_an_unknown_user_costs_the_same_work_as_a_known_one() -> None:
    hasher = SlowHasher()
    hasher.release.set()
    made = Passwords(hasher)

    async def scenario() -> None:
        assert not await made.verify(None, "x")
        assert not await made.verify("hash of y", "x")

    asyncio.run(scenario())
    made.close()
    assert hasher.worked_on == ["made x", "hash of y"]


def test_a_start_makes_no_hash_before_anybody_logs_in() -> None:
    hasher = SlowHasher()
    Passwords(hasher).close()
    assert hasher.worked_on == []


def test_at_most_two_are_checked_at_once_though_callers_hang_up() -> None:
    hasher = SlowHasher()
    made = Passwords(hasher)

    async def scenario() -> None:
        for _ in range(6):
            login = asyncio.ensure_future(made.verify("hash of x", "x"))
            await asyncio.sleep(0)
            login.cancel()
            await asyncio.gather(login, return_exceptions=True)
        last = asyncio.ensure_future(made.verify("hash of x", "x"))
        await asyncio.sleep(0)
        hasher.release.set()
        assert await last

    asyncio.run(scenario())
    made.close()
    assert hasher.most_running <= 2


def test_a_crowd_is_refused_instead_of_queued_for_ever() -> None:
    hasher = SlowHasher()
    made = Passwords(hasher)

    async def scenario() -> list[bool | BaseException]:
        logins = [asyncio.ensure_future(made.verify("hash of x", "x")) for _ in range(WAITING_HASHES + 3)]
        await asyncio.sleep(0)
        hasher.release.set()
        return await asyncio.gather(*logins, return_exceptions=True)

    results = asyncio.run(scenario())
    made.close()
    assert results.count(True) == WAITING_HASHES
    assert sum(isinstance(result, PasswordsBusy) for result in results) == 3


def test_the_event_loop_turns_while_a_password_is_checked() -> None:
    hasher = SlowHasher()
    made = Passwords(hasher)

    async def scenario() -> int:
        login = asyncio.ensure_future(made.verify("hash of x", "x"))
        turns = 0
        while turns < 50:
            await asyncio.sleep(0)
            turns += 1
        assert not login.done()
        hasher.release.set()
        assert await login
        return turns

    assert asyncio.run(scenario()) == 50
    made.close()


def test_a_generated_password_is_long_and_legible() -> None:
    password = generate_password()
    assert len(password.replace("-", "")) == 25
    assert not set(password) & set("0O1lI")
    assert len({generate_password() for _ in range(50)}) == 50
