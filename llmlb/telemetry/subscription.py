"""One reader of the feed: a bounded buffer that falls back to a fresh snapshot when the reader is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType


class FeedEventType(StrEnum):
    """The types of ``/v0/events``."""

    SNAPSHOT = "snapshot"
    NODE = "node"
    FLEET = "fleet"
    ALERT = "alert"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event as it goes to a reader. key: a later event with the same key makes this one superfluous."""

    id: int
    type: FeedEventType
    data: Mapping[str, object]
    key: str


class Subscription:
    """What one reader has not read yet. Memory is bounded by ``limit`` events, which readers share.

    Read it with ``next_batch`` or ``async for``; leave it with ``close`` or as a context manager.
    """

    __slots__ = ("_forget", "_limit", "_news", "_pending", "_snapshot", "_wants_snapshot", "is_closed")

    def __init__(
        self,
        *,
        limit: int,
        missed: Iterable[FeedEvent] | None,
        snapshot: Callable[[], FeedEvent],
        forget: Callable[[Subscription], None],
    ) -> None:
        """missed: what a returning reader has not seen, or None to begin with a snapshot."""
        self._limit = limit
        self._snapshot = snapshot
        self._forget = forget
        self._pending: dict[str, FeedEvent] = {}
        self._wants_snapshot = missed is None
        self._news = asyncio.Event()
        self.is_closed = False
        if missed is None:
            self._news.set()
        else:
            for event in missed:
                self.offer(event)

    def offer(self, event: FeedEvent) -> None:
        """Take an event for the reader. Never waits."""
        if self._wants_snapshot or self.is_closed:
            return
        pending = self._pending
        if event.key in pending:
            # Deleted first, so that the ids stay in order.
            del pending[event.key]
        elif len(pending) >= self._limit:
            pending.clear()
            self._wants_snapshot = True
            return
        pending[event.key] = event
        self._news.set()

    async def next_batch(self, timeout_s: float | None = None) -> list[FeedEvent]:
        """All events since the last call, waiting for the first; empty after ``timeout_s`` and once closed."""
        if not self._news.is_set():
            try:
                async with asyncio.timeout(timeout_s):
                    await self._news.wait()
            except TimeoutError:
                return []
        return self.take()

    def take(self) -> list[FeedEvent]:
        """What is there now, without waiting."""
        if self.is_closed:
            return []
        self._news.clear()
        if self._wants_snapshot:
            self._wants_snapshot = False
            return [self._snapshot()]
        batch = list(self._pending.values())
        self._pending.clear()
        return batch

    def close(self) -> None:
        """End it: the reader wakes and finds nothing more."""
        if self.is_closed:
            return
        self.is_closed = True
        self._pending.clear()
        self._news.set()
        self._forget(self)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> list[FeedEvent]:
        """The next batch; iteration ends when the subscription is closed."""
        batch = await self.next_batch()
        if not batch:
            raise StopAsyncIteration
        return batch

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
