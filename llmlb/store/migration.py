"""Brings a file to the schema this version knows, and refuses files it does not understand."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from sqlalchemy import Connection, MetaData

from llmlb.errors import StoreError
from llmlb.store.database import Database
from llmlb.store.failures import corrupt
from llmlb.store.tables import MAIN, RUNTIME

_log = logging.getLogger(__name__)

_VERSION_TABLE = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
"""


@dataclass(frozen=True, slots=True)
class Schema:
    """One line of migrations. head: the newest revision, written down so that a start need not load Alembic."""

    name: str
    metadata: MetaData
    head: str

    @property
    def scripts(self) -> Path:
        return Path(str(files("llmlb.store"))) / "migrations" / self.name


MAIN_SCHEMA = Schema("main", MAIN, "main_0001")
RUNTIME_SCHEMA = Schema("runtime", RUNTIME, "runtime_0004")


def revision_of(database: Database) -> str:
    """The schema a file has: a revision, or "" for a file without any table.

    Raises StoreError for a file that is not llmlb's.
    """
    with database.reading() as connection:
        tables = _table_names(connection)
        if "alembic_version" in tables:
            row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchone()
            if row is None:
                raise corrupt(database.path, "it does not say which schema it has")
            return str(row[0])
    if tables:
        raise StoreError(
            f"{database.path} is not llmlb's: it holds the tables of another program. Choose another file."
        )
    return ""


def needs_upgrade(database: Database, schema: Schema) -> bool:
    """Whether ``upgrade`` has anything to do. Raises StoreError for a file of a newer llmlb."""
    revision = revision_of(database)
    if revision == schema.head:
        return False
    if revision and revision not in known_revisions(schema):
        raise StoreError(
            f"{database.path} was written by a newer llmlb (schema {revision}; this version knows {schema.head}). "
            "Run that version again, or restore the backup that it made before its upgrade: llmlb db restore"
        )
    return True


def verify_tables(database: Database, schema: Schema) -> None:
    """Raises StoreCorrupt when a table is missing from a file that claims to have the schema."""
    with database.reading() as connection:
        missing = sorted(set(schema.metadata.tables) - _table_names(connection))
    if missing:
        raise corrupt(database.path, "missing table: " + ", ".join(missing))


def known_revisions(schema: Schema) -> tuple[str, ...]:
    """Every revision this version can upgrade from, newest first."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", _location(schema))
    return tuple(script.revision for script in ScriptDirectory.from_config(config).walk_revisions())


def create(database: Database, schema: Schema) -> None:
    """Makes the newest schema in a file without any table, as all migrations would, but without loading Alembic."""
    with database.writing() as connection:
        schema.metadata.create_all(connection)
        connection.exec_driver_sql(_VERSION_TABLE)
        connection.exec_driver_sql("INSERT INTO alembic_version (version_num) VALUES (?)", (schema.head,))
    _log.info("store created", extra={"path": str(database.path), "revision": schema.head})


def upgrade(database: Database, schema: Schema) -> None:
    """Runs the missing migrations in one transaction: a crash leaves the old schema, never half of the new."""
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", _location(schema))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    _log.info("schema upgraded", extra={"path": str(database.path), "revision": schema.head})


def run_environment(metadata: MetaData) -> None:
    """What an ``env.py`` does: hands Alembic the connection of the running upgrade."""
    from alembic import context

    connection = context.config.attributes.get("connection")
    if connection is None:
        raise StoreError("The migrations run when llmlb opens its store; start llmlb serve instead.")
    # The transaction is ours: Alembic neither begins nor commits one of its own.
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False, render_as_batch=True)
    context.run_migrations()


def _location(schema: Schema) -> str:
    return str(schema.scripts).replace("%", "%%")


def _table_names(connection: Connection) -> set[str]:
    rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {str(name) for (name,) in rows if not str(name).startswith("sqlite_")}
