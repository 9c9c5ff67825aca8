"""What happens before the first call: the files are made or checked, upgraded, and found sound or refused."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

from sqlalchemy import insert

import llmlb
from llmlb.clock import rfc3339
from llmlb.errors import StoreError
from llmlb.store import tables
from llmlb.store.backups import copy_before_upgrade
from llmlb.store.database import Database, Synchronous
from llmlb.store.failures import corrupt
from llmlb.store.migration import (
    MAIN_SCHEMA,
    RUNTIME_SCHEMA,
    Schema,
    create,
    needs_upgrade,
    revision_of,
    upgrade,
    verify_tables,
)
from llmlb.store.places import Places, make_private_directory, make_private_file

_log = logging.getLogger(__name__)


def prepare(places: Places, now_unix: float, *, may_upgrade: bool) -> None:
    """Leaves both files sound and at this version's schema.

    may_upgrade: False for a second user of the files (a command beside a running router), which changes nothing.
    Raises StoreCorrupt for a damaged file, which is left as it is, StoreError for one of a newer llmlb.
    """
    _refuse_emptied(places)
    for path in (places.main, places.runtime):
        make_private_directory(path.parent)
        make_private_file(path)
    _prepare_file(places.main, MAIN_SCHEMA, places, now_unix=now_unix, may_upgrade=may_upgrade)
    _prepare_file(places.runtime, RUNTIME_SCHEMA, places, now_unix=now_unix, may_upgrade=may_upgrade)


def _prepare_file(path: Path, schema: Schema, places: Places, *, now_unix: float, may_upgrade: bool) -> None:
    is_main = schema is MAIN_SCHEMA
    synchronous: Synchronous = "FULL" if is_main else "NORMAL"
    with closing(Database(path, synchronous=synchronous)) as database:
        if is_main:  # small; the records' file may be large, and losing it loses no decision of anybody
            _check_quickly(database)
        if needs_upgrade(database, schema):
            if not may_upgrade:
                raise StoreError(f"{path} needs an upgrade; start llmlb serve once, then repeat this.")
            revision = revision_of(database)
            if revision:
                backup = copy_before_upgrade(database, places.backups, now_unix, revision=revision)
                _log.info("backed up before an upgrade", extra={"path": str(backup)})
                upgrade(database, schema)
            else:
                create(database, schema)
                if is_main:
                    _write_birth(database, now_unix)
        verify_tables(database, schema)


def _check_quickly(database: Database) -> None:
    problems = [str(row[0]) for row in database.pragma("quick_check(3)") if row[0] != "ok"]
    if problems:
        raise corrupt(database.path, problems[0].splitlines()[0])


def _write_birth(database: Database, now_unix: float) -> None:
    with database.writing() as connection:
        born = [
            {"key": "created_at", "value": rfc3339(now_unix)},
            {"key": "created_by", "value": llmlb.__version__},
        ]
        connection.execute(insert(tables.meta), born)


def _refuse_emptied(places: Places) -> None:
    """A file of no bytes, and one that is not there, look new; where there are backups, it is one that was lost."""
    if not any(places.backups.glob("*.db")):
        return
    if not places.main.exists():
        raise corrupt(places.main, "it is gone, yet there are backups of it; to begin anew, move those away")
    if places.main.stat().st_size == 0:
        raise corrupt(places.main, "it is empty, yet there are backups of it")
