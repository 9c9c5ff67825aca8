"""One piece of work on its way to the store's thread and back, and the race between its deadline and its commit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from llmlb.errors import StoreBusy
from llmlb.store.database import Database

T = TypeVar("T")

COMMIT_MARGIN_S = 0.25
"""Waiting for a lock ends this much before the deadline, so that the caller hears the true reason."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What work may use while it has the thread.

    patience_s: how long it may wait for a lock.  is_wanted: whether the caller still waits for a result.
    """

    main: Database
    runtime: Database
    patience_s: float
    may_commit: Callable[[], bool]
    is_wanted: Callable[[], bool]


class Call(Generic[T]):
    """Work for the store's thread, and the future in which its caller waits.

    Either the caller gives up first, and then nothing is committed, or the thread claims the commit first, and
    then giving up comes too late to undo it. The lock decides which.
    """

    def __init__(self, work: Callable[[Turn], T], loop: asyncio.AbstractEventLoop, expires_at_s: float) -> None:
        self._work = work
        self._loop = loop
        self._expires_at_s = expires_at_s
        self._lock = threading.Lock()
        self._is_claimed = False
        self._is_abandoned = False
        self.future: asyncio.Future[T] = loop.create_future()

    def abandon(self) -> bool:
        """The caller gives up. True: it is certain that nothing was and nothing will be written."""
        with self._lock:
            self._is_abandoned = True
            return not self._is_claimed

    def run(self, main: Database, runtime: Database, now_s: float) -> None:
        """Does the work on the store's thread and sends the caller its result. Never raises."""
        patience_s = self._expires_at_s - now_s - COMMIT_MARGIN_S
        if self._is_abandoned or patience_s <= 0.0:
            self.refuse(StoreBusy("The store had no time for this before the deadline; nothing was changed."))
            return
        try:
            result = self._work(Turn(main, runtime, patience_s, self._claim, self._is_wanted))
        except Exception as error:  # noqa: BLE001  # the caller must hear it, the thread must live on
            self.refuse(error)
        else:
            self._send(lambda: self.future.set_result(result))

    def refuse(self, error: Exception) -> None:
        self._send(lambda: self.future.set_exception(error))

    def _is_wanted(self) -> bool:
        return not self._is_abandoned

    def _claim(self) -> bool:
        with self._lock:
            if self._is_abandoned:
                return False
            self._is_claimed = True
            return True

    def _send(self, settle: Callable[[], None]) -> None:
        def settle_once() -> None:
            if not self.future.done():
                settle()

        try:
            self._loop.call_soon_threadsafe(settle_once)
        except RuntimeError:
            # The caller's event loop was closed: nobody waits any more.
            return
