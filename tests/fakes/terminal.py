"""A pseudo terminal with the console in it: what it writes, byte for byte."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")
"""An SGR that sets a colour; 39 and 49 set none."""
_WORDS = re.compile(rb"(?<=m)[^\x1b]*[^\x1b ][^\x1b]*")


class Terminal:
    """``llmlb top`` on a pseudo terminal of ``columns`` by ``lines``. It stands still while nobody reads."""

    def __init__(
        self,
        *arguments: str,
        environ: Mapping[str, str],
        columns: int = 100,
        lines: int = 30,
        term: str = "xterm-256color",
    ) -> None:
        self._leader, follower = pty.openpty()
        self.written = b""
        self.resize(columns, lines)
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(("LLMLB_", "TEXTUAL_"))}
        for name in ("NO_COLOR", "SSH_CONNECTION", "COLORTERM", "LC_ALL", "LANG"):
            inherited.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "llmlb_cli", "top", *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=inherited
            | {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": term, "LC_ALL": "C.UTF-8"}
            | dict(environ),
            start_new_session=True,
        )
        os.close(follower)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self._leader)

    def resize(self, columns: int, lines: int) -> None:
        """Change the size; the kernel tells the process."""
        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self._leader, keys.encode())

    def read(self, timeout_s: float) -> bytes:
        """What is written within the time, as soon as something is."""
        if not select.select([self._leader], [], [], timeout_s)[0]:
            return b""
        try:
            chunk = os.read(self._leader, 65_536)
        except OSError:  # the process has ended
            return b""
        self.written += chunk
        return chunk

    def read_until(self, text: str, *, timeout_s: float = 20.0) -> float:
        """Read until the text appears anew; answers how many seconds that took."""
        began_s = time.monotonic()
        start, wanted = len(self.written), text.encode()
        while wanted not in self.written[max(0, start - len(wanted)) :]:
            self.read(0.05)
            if time.monotonic() - began_s > timeout_s:
                shown = b" ".join(_WORDS.findall(self.written[start:][-20_000:])).decode(errors="replace")
                raise AssertionError(f"{text!r} did not appear in {shown[-3000:]}")
        return time.monotonic() - began_s

    def read_for(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            self.read(left_s)

    def end(self, *, timeout_s: float = 20.0) -> int:
        """Read on until the process has ended; answers its exit status."""
        until_s = time.monotonic() + timeout_s
        while self.process.poll() is None:
            self.read(0.05)
            if time.monotonic() > until_s:
                raise AssertionError("the console does not end")
        while self.read(0.05):
            pass
        return self.process.returncode
