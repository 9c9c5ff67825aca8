"""What is drawn before Textual is there is what Textual draws then, and it leaves the terminal as it was."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from tui.driving import FIRST_S, Console, drive, make_desk
from tui.fake_router import FakeRouter
from tui.test_goldens import troubled

from llmlb_tui.first_picture import first_picture
from llmlb_tui.model.selection import Selection
from llmlb_tui.render.fleet import fleet_picture
from llmlb_tui.render.painter import Painter
from llmlb_tui.themes import PALETTES


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36), (200, 50)])
@pytest.mark.parametrize("router", [FakeRouter(0), troubled()], ids=["no nodes", "nodes"])
def test_it_is_what_textual_draws(size: tuple[int, int], router: FakeRouter) -> None:
    async def script(console: Console) -> None:
        # Histories are asked for one after the other; the picture shows them with the next look at the figures.
        await console.settle(8)
        console.clock.advance(1.0)
        await console.settle()
        desk = replace(console.app.desk, selection=Selection())
        painter = console.app.painter_now()
        drawn = [
            "".join(segment.text for segment in painter.segments(each, size[0]))
            for each in fleet_picture(desk, console.clock.now_s, *size)
        ]
        assert drawn == console.lines()

    drive(script, router=router, size=size)


def test_what_does_not_fit_is_left_to_textual() -> None:
    assert fleet_picture(make_desk(), FIRST_S, 59, 15) == []


@contextmanager
def on_a_terminal() -> Iterator[int]:
    """Standard input and error are a pseudo terminal of 80x24; yields its other end."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with os.fdopen(follower, "w", closefd=False) as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", stream)
        patch.setattr(sys, "stderr", stream)
        yield leader
    os.close(follower)
    os.close(leader)


def written_to(terminal: int) -> bytes:
    """All that waits there."""
    written = b""
    while select.select([terminal], [], [], 0)[0]:
        written += os.read(terminal, 65_536)
    return written


@pytest.mark.parametrize("is_handed_over", [False, True])
def test_a_start_that_fails_leaves_the_terminal_as_it_was(is_handed_over: bool) -> None:
    def start(terminal: int) -> None:
        with first_picture(Painter(PALETTES["dark"]), {}) as picture:
            picture.draw(make_desk(), FIRST_S)
            assert not termios.tcgetattr(terminal)[3] & termios.ECHO
            if is_handed_over:
                picture.hand_over()
            os.kill(os.getpid(), signal.SIGTERM)

    with on_a_terminal() as terminal:
        modes = termios.tcgetattr(terminal)
        with pytest.raises(SystemExit, match="143"):
            start(terminal)
        assert termios.tcgetattr(terminal) == modes
        written = written_to(terminal).decode()
    assert "waiting for http://router.test:8080" in written
    # From the hand-over on the screen is Textual's to leave.
    assert written.endswith("\x1b[?1049l\x1b[?25h") is not is_handed_over


def test_nothing_is_drawn_over_textual() -> None:
    with on_a_terminal() as terminal, first_picture(Painter(PALETTES["dark"]), {}) as picture:
        picture.hand_over()
        picture.draw(make_desk(), FIRST_S)
        os.write(sys.stderr.fileno(), b".")
        assert written_to(terminal) == b"."
