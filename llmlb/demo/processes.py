"""The demo's processes: started on a leash, stopped by their own ids, their words kept in files."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from llmlb.demo.leash import leash_environment, leashed

STOP_TIMEOUT_S = 5.0
TAIL_LINES = 12


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _own_environment() -> dict[str, str]:
    """This process's environment without the user's llmlb settings: the demo is its own fleet, not theirs."""
    foreign = ("LLMLB_", "XLLM_", "LOAD_BALANCER_")
    ours = "LLMLB_LEASH_"
    return {
        name: value
        for name, value in leash_environment().items()
        if name.startswith(ours) or not name.startswith(foreign)
    }


class Child:
    """One process. It never outlives the demo, not even a killed one."""

    def __init__(self, name: str, module: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self._command = leashed([sys.executable, "-m", module, *arguments])
        self._log_path = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=_own_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is the demo's to handle: it stops its children in order.
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.is_running:
            self._process.send_signal(number)

    def kill(self) -> None:
        """As a machine that loses power."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        """Until it has ended; it is killed when that takes too long."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT_S)
            return
        self._process.kill()
        self._process.wait(STOP_TIMEOUT_S)

    def log(self) -> str:
        """All that it has said."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    def last_words(self) -> str:
        """The end of its log, for a failure."""
        return "\n".join(f"  {self.name}: {line}" for line in self.log().splitlines()[-TAIL_LINES:])
