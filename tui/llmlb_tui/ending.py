"""Told to stop by a signal, the console ends, even where nobody reads its terminal any more."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

PATIENCE_S = 1.0
"""For an end in good order: a terminal that is only slow has taken everything by then."""
LAST_WORDS_S = 0.2
_ORDER = "".join(f"\x1b[?{mode}l" for mode in (1000, 1003, 1006, 1015, 2004, 1004)) + "\x1b[?7h\x1b[?1049l\x1b[?25h"


class Ending:
    """What becomes of SIGTERM and SIGHUP from ``expect`` on, until the console ``is_over``.

    Textual waits for its terminal to the very end: the loop for the writer's queue, and the writer for the terminal.
    Where the terminal stands still, or Textual has hardly begun, the process ends without them.
    """

    def __init__(self) -> None:
        self._over = threading.Event()
        self._leave: list[Callable[[int], object]] = []

    def expect(self) -> None:
        """Begin. Nothing is raised from here on: Textual, half begun, would never end."""
        if os.name != "posix":
            return
        # Not the loop's own handlers: a loop that waits for the terminal never comes to them.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._told)

    def listen(self, leave: Callable[[int], object]) -> None:
        """End in good order, if that is possible. leave: called in the running loop with the exit status."""
        loop = asyncio.get_running_loop()
        self._leave.append(lambda status: loop.call_soon_threadsafe(leave, status))

    def _told(self, number: int, frame: FrameType | None) -> None:
        status = 128 + number
        threading.Thread(target=self._end, args=(status,), name="ending", daemon=True).start()
        for leave in self._leave:
            with suppress(RuntimeError):  # the loop has ended by itself
                leave(status)

    def is_over(self) -> None:
        """Textual has come to its end."""
        self._over.set()

    def _end(self, status: int) -> None:
        if self._over.wait(PATIENCE_S):
            return
        words = threading.Thread(target=_put_in_order, name="last words", daemon=True)
        words.start()
        words.join(LAST_WORDS_S)
        os._exit(status)


def _put_in_order() -> None:
    """As far as it can be had: while the writer holds the terminal, it finds what was under way when it goes on."""
    import termios

    fd = sys.stderr.fileno()
    with suppress(termios.error, OSError):
        modes = termios.tcgetattr(fd)
        modes[0] |= termios.ICRNL | termios.IXON
        modes[3] |= termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG
        termios.tcsetattr(fd, termios.TCSANOW, modes)
        termios.tcflush(fd, termios.TCOFLUSH)
        os.write(fd, _ORDER.encode())
