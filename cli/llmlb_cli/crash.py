"""What nobody foresaw: the traceback goes to a file, the person gets its path."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path

from llmlb.clock import rfc3339, unix_s
from llmlb_cli.exits import Failure

MAX_LOG_BYTES = 1_000_000
_SECRETS = re.compile(r"\b(?:sk-|nt_|jt_)[\w-]{8,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*")


def failure_of_crash(error: Exception) -> Failure:
    """The failure for an error that is a defect of llmlb."""
    cause = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    message = f"this should not have happened: {_SECRETS.sub('***', cause)}"
    path = _keep(error)
    hint = f"please report it with {path}" if path else "please report it; the details could not be written to a file"
    return Failure(message, hint=hint, code="internal")


def _keep(error: Exception) -> Path | None:
    """Append the traceback to a private file without credentials; None when no directory takes it."""
    import tempfile

    from llmlb.config.paths import state_dir

    text = _SECRETS.sub("***", "".join(traceback.format_exception(error)))
    entry = f"--- {rfc3339(unix_s())}\n{text}"
    for directory in (state_dir(), Path(tempfile.gettempdir())):
        path = directory / f"llmlb-errors-{os.getuid() if hasattr(os, 'getuid') else 0}.log"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _append(path, entry)
        except OSError:
            continue
        return path
    return None


def _append(path: Path, entry: str) -> None:
    full = path.is_file() and path.stat().st_size > MAX_LOG_BYTES
    # O_NOFOLLOW: in a shared temporary directory somebody may have put a link there.
    how = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | (os.O_TRUNC if full else os.O_APPEND)
    with open(os.open(path, how, 0o600), "a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(entry)
