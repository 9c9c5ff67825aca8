"""The first picture, drawn by hand while Textual is still being imported.

Importing Textual takes most of a start. What the operator came for is known long before that, and the lines of the
home screen need no Textual: they go to the terminal as they are, and Textual then paints the same over them.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from rich.color import ColorSystem

from llmlb_tui.desk import Desk
from llmlb_tui.render.fleet import fleet_picture
from llmlb_tui.render.line import Line
from llmlb_tui.render.painter import Painter

PATIENCE_S = 0.5
"""For a terminal that stands still: whoever wants to go on, or to leave, does so without it."""
_ENTER = "\x1b[?1049h\x1b[?25l"
_LEAVE = "\x1b[?1049l\x1b[?25h"


class FirstPicture:
    """One picture on the terminal's other screen. ``draw`` may be called from another thread."""

    def __init__(self, painter: Painter, colours: ColorSystem) -> None:
        self._painter = painter
        self._colours = colours
        self._lock = threading.Lock()
        self._may_draw = True
        self._is_shown = False

    def draw(self, desk: Desk, now_s: float) -> None:
        """Draw the home screen, unless it is too late. The desk's cursor is put on its first row."""
        cells, height = os.get_terminal_size(sys.stderr.fileno())
        lines = fleet_picture(desk, now_s, cells, height)
        if not lines:
            return
        text = _ENTER + "".join(self._placed(line, y, cells) for y, line in enumerate(lines, 1))
        with self._lock:
            if self._may_draw:
                self._is_shown = True
                _write(text)

    def _placed(self, line: Line, y: int, cells: int) -> str:
        pieces = self._painter.segments(line, cells)
        styled = [style.render(text, color_system=self._colours) for text, style, _ in pieces if style is not None]
        return f"\x1b[{y};1H{''.join(styled)}"

    def hand_over(self) -> None:
        """Leave the terminal to Textual, which puts it back in order itself from now on."""
        self._end()
        self._is_shown = False

    def take_away(self) -> None:
        """Show again what the picture was drawn over, if Textual never came to it."""
        self._end()
        if self._is_shown:
            _write(_LEAVE)

    def _end(self) -> None:
        if self._lock.acquire(timeout=PATIENCE_S):
            self._may_draw = False
            self._lock.release()


@contextmanager
def first_picture(painter: Painter, environ: Mapping[str, str]) -> Iterator[FirstPicture]:
    """A picture to draw. However the block ends, by a signal too, the terminal is then as it was."""
    picture = FirstPicture(painter, colours_of(environ))
    if os.name != "posix":
        # Elsewhere a terminal understands nothing before Textual has prepared it.
        picture.hand_over()
        yield picture
        return
    with _leaving_on_signals(), _without_echo():
        try:
            yield picture
        finally:
            picture.take_away()


def colours_of(environ: Mapping[str, str]) -> ColorSystem:
    """How many colours the terminal has, found out as Rich does it."""
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return ColorSystem.TRUECOLOR
    kind = environ.get("TERM", "").strip().lower().rpartition("-")[2]
    return ColorSystem.EIGHT_BIT if kind in ("256color", "kitty") else ColorSystem.STANDARD


@contextmanager
def _without_echo() -> Iterator[None]:
    """Keys pressed too early wait for Textual as it wants them, and are not written into the picture."""
    import termios

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    quiet = termios.tcgetattr(fd)
    quiet[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON | termios.IXOFF)
    quiet[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    termios.tcsetattr(fd, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(fd, termios.TCSANOW, before)


@contextmanager
def _leaving_on_signals() -> Iterator[None]:
    """Told to stop before the application listens, leave through every ``finally``."""
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _write(text: str) -> None:
    """Past Python's buffers: a thread that hangs in one would hold up the end of the process."""
    left = text.encode("utf-8", "replace")
    with suppress(OSError):  # the terminal may be gone
        while left:
            left = left[os.write(sys.stderr.fileno(), left) :]
