"""What SQLite says, in llmlb's words: the one place where its errors are understood."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from llmlb.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull

_NO_SPACE = frozenset({sqlite3.SQLITE_FULL})
_READ_ONLY = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE = 0xFF
"""SQLite's extended result codes carry the primary one in their low byte."""


def store_error(error: Exception, path: Path) -> StoreError:
    """The error to raise instead of a foreign one that was met while working on the file."""
    if isinstance(error, StoreError):
        return error
    origin = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(origin, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code in _LOCKED:
        return StoreBusy(f"{path} is locked by another process; try again in a moment.")
    if code == sqlite3.SQLITE_INTERRUPT:
        return StoreBusy(f"The deadline ran out before {path} was read to its end.")
    if code in _NO_SPACE:
        return StoreFull(f"There is no space left for {path}; free some and try again.")
    if code in _READ_ONLY:
        return StoreFull(f"{path} cannot be written; check its owner, its mode and that its disk is not read-only.")
    if code in _DAMAGED or "no such table" in str(origin) or "no such column" in str(origin):
        return corrupt(path, str(origin))
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreError(f"{path} cannot be opened; check that its directory exists and may be entered.")
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(f"The disk failed under {path} ({origin}); check the system's log, then: llmlb db check")
    if code == sqlite3.SQLITE_CONSTRAINT:
        return StoreError(f"The row contradicts one that is there ({origin}); read it again and repeat the change.")
    return StoreError(f"The store could not do it ({type(origin).__name__}: {origin}); look at {path}.")


def corrupt(path: Path, what: str) -> StoreCorrupt:
    """The file is damaged: it is left as it is, and the message says how to go on."""
    if path.name.startswith("runtime"):
        return StoreCorrupt(
            f"{path} is damaged ({what}). It holds request records and counters only and was left untouched; stop "
            f"llmlb, move it and its -wal and -shm files away, and start again."
        )
    return StoreCorrupt(
        f"{path} is damaged ({what}). It was left untouched; stop llmlb and restore the latest backup with: "
        f"llmlb db restore --data-dir {path.parent}"
    )
