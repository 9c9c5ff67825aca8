"""Where the store's files lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from llmlb.errors import ConfigurationError, StoreError

MAIN_FILE = "llmlb.db"
RUNTIME_FILE = "runtime.db"
BACKUPS = "backups"

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Places:
    """The two files, the directory of backups, and the file whose lock says that a router is running."""

    main: Path
    runtime: Path
    backups: Path
    lock: Path


def places_of(directory: Path, url: str = "") -> Places:
    """The places for a data directory. url: ``sqlite:///FILE`` moves the main file, "" leaves it there.

    Raises ConfigurationError for a URL that llmlb does not speak.
    """
    main = _main_file(url) if url else directory / MAIN_FILE
    return Places(main, main.parent / RUNTIME_FILE, directory / BACKUPS, main.with_name(main.name + ".lock"))


def _main_file(url: str) -> Path:
    if url.startswith(("postgres:", "postgresql")):
        raise ConfigurationError("store.url: PostgreSQL is not supported yet; use sqlite:///FILE, or leave it unset.")
    name = url.removeprefix(_SQLITE)
    if not url.startswith(_SQLITE) or not name or "?" in name or ":memory:" in name:
        raise ConfigurationError(
            "store.url must be sqlite:///FILE (four slashes for an absolute path), without options and not in memory."
        )
    path = Path(name)
    if path.name == RUNTIME_FILE:
        raise ConfigurationError(f"store.url: {RUNTIME_FILE} is the name of the records' file; choose another.")
    return path


def make_private_directory(path: Path) -> None:
    """Creates a directory that only its owner may enter; an existing one is left as it is."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The directory {path} cannot be made ({error.strerror}); choose another data directory."
        ) from error


def make_private_file(path: Path) -> None:
    """Creates an empty file for its owner's eyes only; an existing one loses everybody else's access."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077 and os.access(path, os.W_OK):
            path.chmod(mode & 0o700)
    except OSError as error:
        raise StoreError(f"{path} cannot be made ({error.strerror}); check the directory's owner and mode.") from error
