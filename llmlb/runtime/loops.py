"""Work that comes round: each loop is a held task that survives an error of one round and is cancelled at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)

Round = Callable[[], Awaitable[None]]


class Loops:
    """Owner of the router's periodic tasks."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, interval_s: float, one_round: Round) -> None:
        """Run a round now and again ``interval_s`` after each one's end."""
        self._tasks.append(asyncio.get_running_loop().create_task(_forever(name, interval_s, one_round), name=name))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


async def _forever(name: str, interval_s: float, one_round: Round) -> None:
    while True:
        try:
            await one_round()
        except Exception:  # noqa: BLE001 - what failed in one round must not end all later ones
            _log.exception("a periodic task failed", extra={"loop": name})
        await asyncio.sleep(interval_s)
