"""Commands at a real terminal: colour, width, questions, passwords."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from cli.fake_router import FakeRouter, node

from llmlb_cli.text import width

LONGEST_S = 30

# A session of its own with this terminal as its own: that is where passwords are asked.
AT_A_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from llmlb_cli.main import main
sys.exit(main(sys.argv[1:]))
"""


class Terminal:
    """One command at a pseudo terminal, and everything that was on its screen."""

    def __init__(self, master: int, child: subprocess.Popen[bytes]) -> None:
        self._master = master
        self._child = child
        self.seen = ""

    def wait_for(self, text: str) -> None:
        """Read until the text is on the screen."""
        while text not in self.seen:
            assert self._read(), f"the command ended without {text!r}: {self.seen!r}"

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> int:
        """Read until the command ends; its exit code."""
        while self._read():
            pass
        return self._child.wait(LONGEST_S)

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.seen += data.decode().replace("\r\n", "\n")
        return bool(data)


Open = Callable[..., Terminal]


@contextmanager
def _terminal(words: tuple[str, ...], cells: int, variables: dict[str, str]) -> Iterator[Terminal]:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, cells, 0, 0))
    environ = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **variables}
    command = [sys.executable, "-c", AT_A_TERMINAL, *words]
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True)
    os.close(slave)
    try:
        yield Terminal(master, child)
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
        child.wait(LONGEST_S)
        os.close(master)


@pytest.fixture
def terminal(router: FakeRouter) -> Iterator[Open]:
    """Opens a terminal of a width and runs a command in it."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda *words, cells=80, **variables: stack.enter_context(_terminal(words, cells, variables))


def test_a_terminal_gets_colour_and_no_line_wider_than_itself(router: FakeRouter, terminal: Open) -> None:
    router.add(node("gpu-east-rack-17-slot-0741", state="offline"), node("node-2"))
    for cells in (80, 40):
        screen = terminal("nodes", "list", cells=cells)
        assert screen.end() == 0
        lines = re.sub(r"\x1b\[\d*m", "", screen.seen).splitlines()
        assert "\x1b[1mNODE" in screen.seen
        assert max(map(width, lines)) <= cells


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_stays_away_where_it_is_not_wanted(
    variables: dict[str, str], router: FakeRouter, terminal: Open
) -> None:
    router.add(node("node-1"))
    screen = terminal("nodes", "list", **variables)
    assert screen.end() == 0
    assert "\x1b" not in screen.seen


def test_a_question_is_answered_at_the_terminal(router: FakeRouter, terminal: Open) -> None:
    router.add(node("node-1"))
    screen = terminal("nodes", "drain", "node-1")
    screen.wait_for("[y/N]")
    screen.type("y\n")
    assert screen.end() == 0
    assert router.nodes["node-1"]["draining"] is True


def test_ctrl_c_at_a_question_changes_nothing(router: FakeRouter, terminal: Open) -> None:
    router.add(node("node-1"))
    screen = terminal("nodes", "drain", "node-1")
    screen.wait_for("[y/N]")
    screen.type("\x03")
    assert screen.end() == 130
    assert "\ninterrupted\n" in screen.seen
    assert router.nodes["node-1"]["draining"] is False


def test_a_password_is_never_on_the_screen(router: FakeRouter, terminal: Open) -> None:
    screen = terminal("users", "create", "kim")
    screen.wait_for("Password of kim:")
    screen.type("hidden words\n")
    screen.wait_for("Again:")
    screen.type("hidden words\n")
    assert screen.end() == 0
    assert "hidden" not in screen.seen
    (asked,) = router.told("POST", "/v0/users")
    assert asked.body == {"username": "kim", "password": "hidden words", "role": "viewer"}


def test_no_input_asks_nothing_even_here(router: FakeRouter, terminal: Open) -> None:
    router.add(node("node-1"))
    assert terminal("nodes", "drain", "node-1", "--no-input").end() == 2
    assert terminal("nodes", "drain", "node-1", LLMLB_NO_INPUT="1").end() == 2
