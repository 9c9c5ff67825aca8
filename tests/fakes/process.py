"""A process of a test, whose output goes to a file and which never outlives the test run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from llmlb.demo.leash import leash_environment, leashed


class Process:
    """Started at once; ``close`` kills it and waits."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.log_path = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                leashed(command),
                env=leash_environment() | {"PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-4000:]

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def close(self) -> None:
        """Kill it if it still runs; safe to call twice."""
        if self.is_running:
            self._process.kill()
        self._process.wait(10)
