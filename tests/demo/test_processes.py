from __future__ import annotations

import contextlib
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmlb.demo.processes import TAIL_LINES, Child, free_port


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    """A simulated engine, as the demo runs one."""
    started = Child("engine", "llmlb.sim", ["--port", "0"], tmp_path / "engine.log")
    try:
        yield started
    finally:
        started.kill()


def wait_until_it_speaks(child: Child) -> None:
    until_s = time.monotonic() + 20
    while "simulated engine on" not in child.log():
        assert time.monotonic() < until_s, child.last_words()
        time.sleep(0.02)


def test_free_port_can_be_bound() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))


def test_child_that_was_never_started_can_be_killed_and_read(child: Child) -> None:
    child.kill()
    child.signal(signal.SIGTERM)
    assert not child.is_running
    assert (child.log(), child.last_words()) == ("", "")


@pytest.mark.system
def test_killed_child_is_gone_on_return_and_can_be_started_again(child: Child) -> None:
    for _ in range(2):
        child.start()
        wait_until_it_speaks(child)
        assert child.is_running
        child.kill()
        assert not child.is_running


@pytest.mark.system
def test_child_that_is_asked_to_end_ends(child: Child) -> None:
    child.start()
    wait_until_it_speaks(child)
    child.signal(signal.SIGTERM)
    child.wait()
    assert not child.is_running


def test_last_words_are_the_end_of_the_log_under_the_childs_name(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(b"\xff broken bytes\n" + b"".join(b"line %d\n" % number for number in range(50)))
    words = Child("node-1", "nothing", [], log).last_words().splitlines()
    assert len(words) == TAIL_LINES
    assert words[-1] == "  node-1: line 49"


def test_two_free_ports_are_rarely_the_same() -> None:
    with contextlib.ExitStack() as held:
        ports = set()
        for _ in range(5):
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", free_port()))
            ports.add(probe.getsockname()[1])
        assert len(ports) == 5
