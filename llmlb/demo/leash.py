"""Runs a command that dies with the process that started it: ``python -m llmlb.demo.leash COMMAND ...``.

The demo starts a fleet of processes; a leash makes sure that none of them outlives it, not even after a
``kill -9`` of the demo. The command replaces the leash (``exec``), so its process id is the leash's own. Linux
keeps the promise through PR_SET_PDEATHSIG; elsewhere the command simply runs, and whoever started it ends it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PARENT_VARIABLE = "LLMLB_LEASH_PARENT"
"""Environment variable with the process id of the parent: names it even if it died before we looked."""

_PR_SET_PDEATHSIG = 1


def leashed(command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` on a leash. Start it from a thread that lives as long as you do."""
    return [sys.executable, "-m", "llmlb.demo.leash", *command]


def leash_environment() -> dict[str, str]:
    """This process's environment, with the parent's id for the leash."""
    return {**os.environ, PARENT_VARIABLE: str(os.getpid())}


def main(command: Sequence[str]) -> None:
    """Ties this process to its parent and becomes the command. Does not return unless it cannot be run."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parent = os.environ.pop(PARENT_VARIABLE, "")
    if parent and os.getppid() != int(parent):
        sys.exit("The process that started this one is gone; there is nobody to run for.")
    os.execvp(command[0], list(command))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m llmlb.demo.leash COMMAND [ARGUMENT ...]")
    main(sys.argv[1:])
