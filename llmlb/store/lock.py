"""One router per data directory: a second one would overwrite what the first keeps in memory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from llmlb.errors import StoreBusy, StoreError


class DirectoryLock:
    """The advisory lock of a running router; the kernel drops it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """Takes the lock. Raises StoreBusy, naming the process, when another one has it."""
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be opened ({error.strerror}); check its directory's owner and mode."
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(self._descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise StoreBusy(
                f"The store in {path.parent} is used by a running llmlb (process {owner}); stop it, or choose another "
                "data directory with --data-dir."
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, str(os.getpid()).encode())

    def release(self) -> None:
        """Lets the next one in. The file stays: removing it would let two processes hold two locks."""
        os.close(self._descriptor)
