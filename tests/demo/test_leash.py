"""A leashed process dies with the one that started it, whatever ended that one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from llmlb.demo.leash import PARENT_VARIABLE, leash_environment, leashed

pytestmark = pytest.mark.system

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STARTER = (
    "import subprocess, sys; from llmlb.demo.leash import *; "
    "child = subprocess.Popen(leashed({command}), env=leash_environment()); "
    "print(child.pid, flush=True); child.wait()"
)


def is_alive(process: psutil.Process) -> bool:
    """A zombie that nobody has collected yet is dead."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the promise is Linux's")
def test_child_of_a_killed_parent_does_not_live_on() -> None:
    script = STARTER.format(command=repr(SLEEPER))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        wait_for(lambda: "leash" not in " ".join(child.cmdline()), "the leash to become the command")
        assert is_alive(child)
        parent.kill()
    try:
        wait_for(lambda: not is_alive(child), "the child to die with its parent")
    finally:
        if is_alive(child):
            child.kill()


def wait_for(is_reached: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + 10
    while not is_reached():
        assert time.monotonic() < until_s, f"waited in vain for {what}"
        time.sleep(0.01)


def test_command_keeps_the_process_id_and_its_exit_code_and_sees_no_leash() -> None:
    script = f"import os, sys; print(os.getpid(), {PARENT_VARIABLE!r} in os.environ); sys.exit(7)"
    with subprocess.Popen(
        leashed([sys.executable, "-c", script]), env=leash_environment(), stdout=subprocess.PIPE, text=True
    ) as child:
        told, _ = child.communicate(timeout=20)
    assert told.split() == [str(child.pid), "False"]
    assert child.returncode == 7


def test_command_is_not_run_for_a_parent_that_is_gone_already() -> None:
    environment = leash_environment() | {PARENT_VARIABLE: "1"}
    done = subprocess.run(
        leashed([sys.executable, "-c", "print('ran')"]), env=environment, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "gone" in done.stderr


def test_leash_without_a_command_says_how_to_use_it() -> None:
    done = subprocess.run(leashed([]), capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert done.stderr.startswith("usage:")
