"""Writes log lines from a thread, so that a terminal or a pipe that has stalled never stalls the router."""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections import deque
from typing import TextIO

WAITING_CHARS = 4_000_000
CLOSE_S = 1.0


class LogWriter:
    """Takes lines at once and writes them when the stream accepts them.

    Lines beyond four million waiting characters are dropped, and how many is written in their place. ``close``, at the
    latest when the process ends, writes what is left, for a second at most.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: deque[str] = deque()
        self._waiting_chars = 0
        self._dropped = 0
        self._is_closed = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="llmlb-log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, lines: str) -> None:
        """Take text that ends in a line break. Never waits for the stream."""
        with self._news:
            if self._waiting_chars + len(lines) > WAITING_CHARS:
                self._dropped += lines.count("\n")
                return
            self._waiting_chars += len(lines)
            self._lines.append(lines)
            self._news.notify()

    def close(self) -> None:
        """Write what waits, then stop. A stream that takes nothing is left alone after a second."""
        with self._news:
            self._is_closed = True
            self._news.notify()
        self._thread.join(CLOSE_S)
        atexit.unregister(self.close)

    def _run(self) -> None:
        while (text := self._take()) is not None:
            # A closed terminal or a full disk: the router goes on without a log.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(text)
                self._stream.flush()

    def _take(self) -> str | None:
        with self._news:
            while not self._lines:
                if self._is_closed:
                    return None
                self._news.wait()
            text = "".join(self._lines)
            self._lines.clear()
            self._waiting_chars = 0
            dropped, self._dropped = self._dropped, 0
        return f"{text}... {dropped} log lines dropped: the stream did not take them\n" if dropped else text
