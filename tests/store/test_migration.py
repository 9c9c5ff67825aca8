"""The migrations and the tables must say the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from llmlb.errors import StoreCorrupt, StoreError
from llmlb.store import tables
from llmlb.store.database import Database
from llmlb.store.migration import (
    MAIN_SCHEMA,
    RUNTIME_SCHEMA,
    Schema,
    create,
    known_revisions,
    needs_upgrade,
    revision_of,
    upgrade,
    verify_tables,
)
from llmlb.store.queries import rows_of, selecting
from llmlb.store.rows import RequestRow

BOTH = pytest.mark.parametrize("schema", [MAIN_SCHEMA, RUNTIME_SCHEMA], ids=["main", "runtime"])

SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "main_0002"
down_revision = "main_0001"


def upgrade() -> None:
    op.add_column("meta", sa.Column("colour", sa.Text()))
    {then}
"""


@dataclass(frozen=True)
class CopiedSchema(Schema):
    """The real migrations with more of them behind, in a directory of the test's."""

    directory: Path = Path()

    @property
    def scripts(self) -> Path:
        return self.directory


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "llmlb.db", synchronous="FULL")) as opened:
        yield opened


def with_second_revision(tmp_path: Path, then: str = "") -> CopiedSchema:
    directory = tmp_path / "scripts"
    shutil.copytree(MAIN_SCHEMA.scripts, directory)
    (directory / "versions" / "v0002_second.py").write_text(SECOND.format(then=then))
    return CopiedSchema("main", MAIN_SCHEMA.metadata, "main_0002", directory)


@BOTH
def test_the_migrated_schema_is_the_one_the_queries_are_written_against(schema: Schema, database: Database) -> None:
    upgrade(database, schema)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, schema.metadata)
    assert differences == []


@BOTH
def test_the_head_written_down_is_the_newest_migration(schema: Schema) -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.scripts))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.head
    assert schema.head in known_revisions(schema)


def shape(database: Database) -> dict[str, object]:
    """What SQLite knows of a file: its columns in order, its indexes with theirs, and who counts up by itself."""
    with database.reading() as connection:
        inspector = inspect(connection)
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        texts = {str(name): str(text).upper() for name, text in rows}
        return {
            name: (
                [(each["name"], str(each["type"]), each["nullable"]) for each in inspector.get_columns(name)],
                inspector.get_pk_constraint(name)["constrained_columns"],
                sorted((str(each["name"]), each["column_names"]) for each in inspector.get_indexes(name)),
                [word in texts[name] for word in ("AUTOINCREMENT", "WITHOUT ROWID", "UNIQUE", "DEFAULT")],
            )
            for name in inspector.get_table_names()
        }


@BOTH
def test_a_file_made_at_once_is_the_one_that_all_migrations_make(schema: Schema, tmp_path: Path) -> None:
    with (
        closing(Database(tmp_path / "created.db", synchronous="FULL")) as created,
        closing(Database(tmp_path / "upgraded.db", synchronous="FULL")) as upgraded,
    ):
        create(created, schema)
        upgrade(upgraded, schema)
        assert shape(created) == shape(upgraded)
        assert not needs_upgrade(created, schema)


@BOTH
def test_a_new_file_has_every_table_and_needs_nothing_more(schema: Schema, database: Database) -> None:
    assert needs_upgrade(database, schema)
    upgrade(database, schema)
    assert revision_of(database) == schema.head
    assert not needs_upgrade(database, schema)
    verify_tables(database, schema)


def test_rows_survive_an_upgrade(tmp_path: Path, database: Database) -> None:
    upgrade(database, MAIN_SCHEMA)
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO meta VALUES ('k', 'v')")
    newer = with_second_revision(tmp_path)
    assert needs_upgrade(database, newer)
    upgrade(database, newer)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT key, value, colour FROM meta").all() == [("k", "v", None)]


def test_a_migration_that_fails_leaves_the_old_schema_whole(tmp_path: Path, database: Database) -> None:
    upgrade(database, MAIN_SCHEMA)
    with pytest.raises(StoreError):
        upgrade(database, with_second_revision(tmp_path, then='op.execute("SELECT * FROM nowhere")'))
    assert revision_of(database) == "main_0001"
    with database.reading() as connection:
        columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(meta)")]
    assert columns == ["key", "value"]


def test_an_older_binary_refuses_a_newer_schema_and_says_what_to_do(tmp_path: Path, database: Database) -> None:
    upgrade(database, with_second_revision(tmp_path))
    with pytest.raises(StoreError, match=r"newer llmlb \(schema main_0002; this version knows main_0001\).*restore"):
        needs_upgrade(database, MAIN_SCHEMA)


def test_another_programs_database_is_refused_untouched(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match="another program"):
        needs_upgrade(database, MAIN_SCHEMA)


def test_a_missing_table_is_found_before_anything_is_served(database: Database) -> None:
    upgrade(database, MAIN_SCHEMA)
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE api_keys")
    with pytest.raises(StoreCorrupt, match="missing table: api_keys"):
        verify_tables(database, MAIN_SCHEMA)


def test_a_file_without_its_revision_is_corrupt_and_not_new(database: Database) -> None:
    upgrade(database, MAIN_SCHEMA)
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    with pytest.raises(StoreCorrupt, match="does not say which schema"):
        revision_of(database)


@pytest.mark.parametrize("version", [1, 2])
def test_records_of_an_older_schema_are_still_there_after_the_upgrade(
    database: Database, tmp_path: Path, version: int
) -> None:
    directory = tmp_path / "scripts"
    shutil.copytree(RUNTIME_SCHEMA.scripts, directory)
    for newer in (directory / "versions").glob("v*.py"):
        if int(newer.name[1:5]) > version:
            newer.unlink()
    upgrade(database, CopiedSchema("runtime", RUNTIME_SCHEMA.metadata, f"runtime_000{version}", directory))
    with database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO requests (id, at, model, node_id, key_id, status, outcome, stream, queue_ms, total_ms, "
            "estimated, attempts_json, reason, error, client_request_id) "
            "VALUES ('r1', 1.0, 'm', 'n', 'k', 200, 'answered', 0, 0.0, 1.0, 0, '[]', '', '', '')"
        )
    assert needs_upgrade(database, RUNTIME_SCHEMA)
    upgrade(database, RUNTIME_SCHEMA)
    with database.reading() as connection:
        [row] = rows_of(connection, RequestRow, selecting(tables.requests, RequestRow))
    assert (row.id, row.model, row.costs_json, row.details_json) == ("r1", "m", "[]", "{}")
