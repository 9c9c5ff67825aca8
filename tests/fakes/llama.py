"""Real llama.cpp servers for tests: started, killed and restarted like the node of somebody's fleet."""

from __future__ import annotations

import contextlib
import http.client
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from llmlb.demo.leash import leash_environment, leashed


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, and that no system gives to a client's connection meanwhile."""
    while True:
        port = secrets.choice(range(20_000, 32_000))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class LlamaServer:
    """One llama.cpp server process on 127.0.0.1; a context manager that returns once the model is served.

    port 0 takes a free one, which every restart keeps.  alias: the model's name in the API.
    context: tokens for each of the slots.  The process never outlives the test run.
    """

    def __init__(
        self,
        model_path: Path,
        alias: str = "tiny",
        *,
        port: int = 0,
        slots: int = 4,
        context: int = 2048,
        threads: int = 1,
        embeddings: bool = False,
        start_timeout_s: float = 30.0,
    ) -> None:
        self.model_path = model_path
        self.alias = alias
        self.port = port or free_port()
        self.slots = slots
        self.context = context
        self.threads = threads
        self.embeddings = embeddings
        self.start_timeout_s = start_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the server, closed in close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The server's process id. Raises RuntimeError while it is not started."""
        if self._process is None:
            raise RuntimeError("the server is not started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, *, wait: bool = True) -> Self:
        """Starts the process; with wait, returns when ``/health`` says that the model is loaded."""
        if self.is_running:
            raise RuntimeError("the server runs already")
        command = [sys.executable, "-m", "llmlb.demo.engine", "--model", str(self.model_path)]
        command += ["--alias", self.alias, "--port", str(self.port), "--parallel", str(self.slots)]
        command += ["--ctx", str(self.context), "--threads", str(self.threads)]
        if self.embeddings:
            command.append("--embeddings")
        self._process = subprocess.Popen(
            leashed(command),
            env=leash_environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        """Returns when the model is served. Raises RuntimeError with the server's log if that never happens."""
        deadline_s = time.monotonic() + self.start_timeout_s
        while time.monotonic() < deadline_s:
            if not self.is_running:
                raise RuntimeError(f"llama.cpp ended while it started:\n{self.log()}")
            if self._is_healthy():
                return
            time.sleep(0.02)
        raise RuntimeError(f"llama.cpp did not get ready in {self.start_timeout_s} s:\n{self.log()}")

    def kill(self) -> None:
        """SIGKILL, as a machine that loses power: open streams break off."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM and wait. With open streams llama.cpp stops listening but lives until they end."""
        self._end(signal.SIGTERM)

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal, e.g. SIGSTOP and SIGCONT for a node that hangs."""
        if self._process is not None:
            self._process.send_signal(number)

    def restart(self) -> Self:
        """Kills it if it still runs, and starts it on the same port."""
        self.kill()
        return self.start()

    def close(self) -> None:
        """Kills the process and closes its log; safe to call twice."""
        self.kill()
        self._log.close()

    def log(self) -> str:
        """What the server has printed, for a failing test to show."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        return False
