"""Ctrl-C that is not lost.

Python drops a KeyboardInterrupt that happens to be raised within a finaliser or the callback of a weak reference. Then
the demo would go on as if nobody had pressed anything.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupt:
    """Remembers that it was pressed, for the next ``check``. Outside the main thread it does nothing."""

    def __init__(self) -> None:
        self.was_pressed = False
        self._before: Any = None  # whatever signal.signal answers

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Raises KeyboardInterrupt once more if it was pressed."""
        if self.was_pressed:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.was_pressed = True
        raise KeyboardInterrupt
