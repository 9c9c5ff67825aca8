"""The store's files on the router's own machine: looked over, copied, put back. A router may be running."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from llmlb.clock import rfc3339, unix_s
from llmlb.errors import StoreError
from llmlb.store.places import Places, places_of
from llmlb_cli.exits import ExitCode, Failure, usage
from llmlb_cli.progress import Done
from llmlb_cli.suggestions import close_names

MANUAL_PREFIX = "manual-"
"""Daily backups are thinned out by their name; what a person asked for stays."""


class StoreFiles(NamedTuple):
    """Where the store of one router lies. url: as ``store.url`` says it."""

    directory: Path
    url: str

    @property
    def places(self) -> Places:
        return places_of(self.directory, self.url)


def require_store(files: StoreFiles) -> None:
    """Raises Failure where no router has ever kept anything."""
    if not files.places.main.is_file():
        raise Failure(
            f"there is no store of a router in {files.places.main.parent}",
            exit_code=ExitCode.NOT_FOUND,
            hint="say where it is: --data-dir DIR   |   what there is to put back: llmlb db backups",
        )


def require_owner(files: StoreFiles) -> None:
    """Raises Failure for another user than the router's: what that user writes, the router could not open again."""
    directory = files.places.main.parent
    if not directory.is_dir() or not hasattr(os, "geteuid"):
        return
    owner = directory.stat().st_uid
    if owner != os.geteuid():
        raise Failure(
            f"{directory} belongs to {_user_name(owner)}, and this is {_user_name(os.geteuid())}",
            exit_code=ExitCode.FORBIDDEN,
            hint=f"run it as the router's user: sudo -u {_user_name(owner)} llmlb db ... --data-dir {files.directory}",
        )


def check_file(path: Path) -> dict[str, object]:
    """One file read whole. problems: what is wrong with it, in SQLite's own words; nothing when it is sound."""
    problems, schema = [], ""
    # SQLite takes an empty file for a new one and would make it one.
    if not path.stat().st_size:
        problems = ["it is empty"]
    else:
        try:
            schema, problems = _read_whole(path)
        except StoreError as error:
            problems = [error.message]
    return {
        "file": path.name,
        "path": str(path),
        "sound": not problems,
        "schema": schema,
        "size_bytes": bytes_of(path),
        "problems": problems,
    }


def back_up(files: StoreFiles, target: Path) -> None:
    """A consistent copy of the main file. Raises StoreError: the store is damaged or empty, the disk full.

    A copy of a damaged file may well be sound, and lack what was in the damaged part: it must not become the newest
    backup, which ``llmlb db restore`` takes.
    """
    from llmlb.store.backups import copy_to
    from llmlb.store.database import Database
    from llmlb.store.failures import corrupt
    from llmlb.store.migration import revision_of
    from llmlb.store.places import make_private_directory

    make_private_directory(target.parent)
    with closing(Database(files.places.main, synchronous="FULL")) as database:
        if not revision_of(database):
            raise StoreError(f"{files.places.main} holds nothing yet; start llmlb serve once.")
        problems = [str(row[0]) for row in database.pragma("quick_check(1)") if row[0] != "ok"]
        if problems:
            raise corrupt(files.places.main, problems[0].splitlines()[0])
        copy_to(database, target)


def manual_target(files: StoreFiles) -> Path:
    """The name of a backup that was asked for without one."""
    from llmlb.store.backups import stamp

    return files.places.backups / f"{MANUAL_PREFIX}{stamp(unix_s())}.db"


def put_back(files: StoreFiles, source: Path) -> Path | None:
    """The source in the main file's place; where the file that was there lies now, None if there was none."""
    from llmlb.store.backups import restore

    return restore(files.directory, source, unix_s(), url=files.url)


def require_stopped(files: StoreFiles) -> None:
    """Raises StoreBusy while a router uses the store."""
    from llmlb.store.lock import DirectoryLock

    if files.places.main.parent.is_dir():
        DirectoryLock(files.places.lock).release()


def backups_of(files: StoreFiles) -> list[dict[str, object]]:
    """The backups of the data directory, newest first."""
    from llmlb.store.backups import list_backups

    return [
        {
            "name": Path(backup.path).name,
            "path": backup.path,
            "at": rfc3339(backup.at),
            "size_bytes": backup.size_bytes,
            "reason": _reason(Path(backup.path).name),
        }
        for backup in list_backups(files.directory)
    ]


def chosen_backup(files: StoreFiles, wanted: str) -> Path:
    """The backup of that name, else the file at that path; the newest backup for an empty name.

    Raises Failure where there is none.
    """
    known = [str(backup["name"]) for backup in backups_of(files)]
    if not wanted and known:
        return files.places.backups / known[0]
    if not wanted:
        raise Failure(
            f"there is no backup in {files.places.backups}",
            exit_code=ExitCode.NOT_FOUND,
            hint="name a file: llmlb db restore FILE   |   or another data directory: --data-dir DIR",
        )
    if wanted in known:
        return files.places.backups / wanted
    path = Path(wanted).absolute()
    if path.is_file():
        if path == files.places.main.absolute():
            raise usage(f"{path} is the store itself", hint="choose a backup: llmlb db backups")
        return path
    close = close_names(wanted, known)
    hint = f"did you mean {', '.join(close)} ?" if close else "which there are: llmlb db backups"
    raise Failure(f'there is no backup "{wanted}", and no such file', exit_code=ExitCode.NOT_FOUND, hint=hint)


def written(target: Path, total: int) -> Done:
    """How much of a copy is written; it grows under another name until it is whole."""
    return Done(sum(bytes_of(path) for path in drafts_of(target)), total)


def drafts_of(target: Path) -> tuple[Path, ...]:
    """What a copy is called before it is whole: a backup's, and a restored file's."""
    return (target.with_name(target.name + ".partial"), target.with_name(target.name + ".arriving"))


def bytes_of(path: Path) -> int:
    """The size of a file with its write-ahead log; 0 where there is none."""
    files = (path, Path(f"{path}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _read_whole(path: Path) -> tuple[str, list[str]]:
    from llmlb.store.database import Database
    from llmlb.store.migration import MAIN_SCHEMA, RUNTIME_SCHEMA, revision_of, verify_tables

    schema = RUNTIME_SCHEMA if path.name.startswith("runtime") else MAIN_SCHEMA
    with closing(Database(path, synchronous="FULL")) as database:
        revision = revision_of(database)
        problems = [str(row[0]) for row in database.pragma("integrity_check(20)") if row[0] != "ok"]
        if not problems and revision == schema.head:
            verify_tables(database, schema)
        return revision, problems


def _reason(name: str) -> str:
    if name.startswith("before-"):
        return "upgrade"
    return "asked for" if name.startswith(MANUAL_PREFIX) else "daily"


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
