"""An event loop whose clock jumps: hours of timers pass in milliseconds, always in the same order."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

_SOCKET_GRACE_S = 0.002
"""Real time that bytes on the loopback get to arrive before the clock jumps."""


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for sockets only as long as bytes on the loopback need, and counts the rest as passed."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None and timeout <= 0 else _SOCKET_GRACE_S)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return super().select(5.0) or self._stuck()
        self.passed_s += max(0.0, timeout)
        return []

    def _stuck(self) -> list[tuple[selectors.SelectorKey, int]]:
        raise RuntimeError("the test waits for something that never happens")


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return 1000.0 + self._jumping.passed_s


def run_virtual(work: Coroutine[object, object, T]) -> T:
    """``asyncio.run`` on a loop that never waits for a timer. Its clock starts at 1000 s."""
    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        return runner.run(work)
