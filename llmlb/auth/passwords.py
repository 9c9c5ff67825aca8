"""Passwords of operators: argon2id, off the event loop, at most two at once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from llmlb.errors import PasswordsBusy

T = TypeVar("T")

LONGEST_PASSWORD_BYTES = 1024
HASHES_AT_ONCE = 2
"""Each takes 64 MiB and a core for tens of milliseconds; the rest of the machine serves inference."""

WAITING_HASHES = 32
"""Beyond this a login is refused rather than queued: the last would wait for seconds."""

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_CHARACTERS = 5, 5


class Hasher(Protocol):
    """What turns a password into a hash and checks it: argon2id, or a quicker stand-in for tests."""

    def hash(self, password: bytes) -> str: ...

    def verify(self, hash: str, password: bytes) -> bool: ...


class Passwords:
    """Makes and checks password hashes without stopping the event loop.

    The pool of two threads is the limit itself: a caller who hangs up cannot make room for a third hash while
    the own one still runs.
    """

    def __init__(self, hasher: Hasher | None = None) -> None:
        self._hasher: Hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="llmlb-password")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The hash to store. Raises ValueError for an empty password or one beyond 1 KiB, and PasswordsBusy."""
        encoded = _bytes_of(password)
        if not 0 < len(encoded) <= LONGEST_PASSWORD_BYTES:
            raise ValueError(f"A password has between 1 and {LONGEST_PASSWORD_BYTES} bytes; choose another.")
        return await self._on_thread(lambda: self._hasher.hash(encoded))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right. password_hash: None for an unknown user, which takes as long.

        Raises PasswordsBusy when too many wait already.
        """
        encoded = _bytes_of(password)
        if password_hash is None or len(encoded) > LONGEST_PASSWORD_BYTES:
            # Hashing is what checking costs, so known and unknown names take the same time.
            await self._on_thread(lambda: self._hasher.hash(encoded[:LONGEST_PASSWORD_BYTES]))
            return False
        return await self._on_thread(lambda: self._matches(password_hash, encoded))

    def close(self) -> None:
        """Ends the threads once their hashes are done."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password_hash: str, encoded: bytes) -> bool:
        try:
            return self._hasher.verify(password_hash, encoded)
        except (VerificationError, InvalidHashError):
            return False

    async def _on_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_HASHES:
            raise PasswordsBusy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def generate_password() -> str:
    """A password to print once: 25 characters that nobody confuses, 123 bits, in groups for reading aloud."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_CHARACTERS)) for _ in range(_GROUPS))
    return "-".join(groups)


def _bytes_of(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
