"""Backups of the main file: taken while it is in use, kept for some days, put back when it is damaged."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from llmlb.errors import StoreCorrupt, StoreError
from llmlb.store.database import Database
from llmlb.store.failures import corrupt
from llmlb.store.lock import DirectoryLock
from llmlb.store.migration import MAIN_SCHEMA, needs_upgrade, revision_of, verify_tables
from llmlb.store.places import make_private_directory, make_private_file, places_of
from llmlb.store.rows import BackupFile

_DAILY = re.compile(r"llmlb-(\d{8}T\d{6})Z\.db")
_SIDE_FILES = ("-wal", "-shm")


def stamp(now_unix: float) -> str:
    """An instant as part of a file name: ``20260131T120000Z``."""
    return datetime.fromtimestamp(int(now_unix), UTC).strftime("%Y%m%dT%H%M%SZ")


def copy_to(database: Database, target: Path) -> None:
    """Writes a consistent copy of a file in use. The target appears whole or not at all, and must not exist yet."""
    if target.exists():
        raise StoreError(f"{target} exists already; choose another name for the backup.")
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    make_private_file(partial)
    try:
        database.outside_transaction("VACUUM INTO ?", str(partial))
        _sync(partial)
        os.replace(partial, target)
        _sync(target.parent)
    except OSError as error:
        raise StoreError(f"The backup {target} could not be written ({error.strerror}).") from error
    finally:
        partial.unlink(missing_ok=True)


def copy_daily(database: Database, directory: Path, now_unix: float, *, keep: int) -> Path | None:
    """Backs up unless today (UTC) has its backup, and removes all but the newest. Returns the new file, if any.

    keep: 0 makes none, and leaves alone those that are there.
    """
    if keep == 0:
        return None
    make_private_directory(directory)
    today = stamp(now_unix)[:8]
    if any(path.name.startswith(f"llmlb-{today}T") for path in _daily_files(directory)):
        return None
    target = directory / f"llmlb-{stamp(now_unix)}.db"
    copy_to(database, target)
    for old in _daily_files(directory)[:-keep]:
        old.unlink(missing_ok=True)
    return target


def copy_before_upgrade(database: Database, directory: Path, now_unix: float, *, revision: str) -> Path:
    """Keeps the file as it was before a migration; never removed automatically."""
    make_private_directory(directory)
    target = directory / f"before-{revision}-{stamp(now_unix)}.db"
    copy_to(database, target)
    return target


def list_backups(directory: Path) -> tuple[BackupFile, ...]:
    """The backups of a data directory, newest first."""
    files = places_of(directory).backups.glob("*.db")
    found = (BackupFile(path=str(path), at=path.stat().st_mtime, size_bytes=path.stat().st_size) for path in files)
    return tuple(sorted(found, key=lambda backup: (backup.at, backup.path), reverse=True))


def restore(directory: Path, source: Path, now_unix: float, *, url: str = "") -> Path | None:
    """Puts a backup in the place of the main file. Returns where the old file was moved, None if there was none.

    Raises StoreBusy while a router runs, StoreError when the source is not a sound store of a schema that this
    version knows; then nothing was changed.
    """
    places = places_of(directory, url)
    make_private_directory(places.main.parent)
    lock = DirectoryLock(places.lock)
    try:
        arriving = places.main.with_name(places.main.name + ".arriving")
        _copy(source, arriving)
        try:
            _verify(arriving, source)
            aside = _move_aside(places.main, stamp(now_unix))
            os.replace(arriving, places.main)
        finally:
            for suffix in ("", *_SIDE_FILES):
                Path(f"{arriving}{suffix}").unlink(missing_ok=True)
        _sync(places.main.parent)
        return aside
    finally:
        lock.release()


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    make_private_file(target)
    try:
        shutil.copyfile(source, target)
        _sync(target)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise StoreError(
            f"{source} cannot be copied ({error.strerror}); list the backups with: llmlb db backups"
        ) from error


def _verify(copy: Path, source: Path) -> None:
    """Raises StoreError, in terms of the source, unless its copy is a sound store that this version can open."""
    try:
        with closing(Database(copy, synchronous="FULL")) as database:
            problems = [str(row[0]) for row in database.pragma("quick_check") if row[0] != "ok"]
            if problems:
                raise corrupt(copy, problems[0].splitlines()[0])
            if not revision_of(database):
                raise StoreError(f"{source} holds no store; choose another backup.")
            if not needs_upgrade(database, MAIN_SCHEMA):
                verify_tables(database, MAIN_SCHEMA)
            database.pragma("journal_mode = DELETE")  # one file to move into place, without side files
    except StoreCorrupt as error:
        raise StoreError(f"{source} is damaged too; nothing was changed. Choose an older backup.") from error
    except StoreError as error:
        raise StoreError(error.message.replace(str(copy), str(source))) from error


def _move_aside(main: Path, when: str) -> Path | None:
    aside = main.with_name(f"{main.name}.replaced-{when}")
    # Also where the main file is gone: SQLite would play a log that stayed behind into the restored file.
    for suffix in _SIDE_FILES:
        side_file = Path(f"{main}{suffix}")
        if side_file.exists():
            os.replace(side_file, f"{aside}{suffix}")
    if not main.exists():
        return None
    os.replace(main, aside)
    return aside


def _daily_files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if _DAILY.fullmatch(path.name))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
