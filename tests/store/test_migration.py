"""The migrations and the tables must say the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select
from store.sample import FULL, told

from llmlb.core.record import EVERY_RECORD, ExchangeOutcome, ExchangeRecord, RecordFilter
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
from llmlb.store.reader import PackReader

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


def upgraded_to(version: int, database: Database, tmp_path: Path) -> None:
    """Leaves the records' file as a version of some time ago made it."""
    directory = tmp_path / "scripts"
    shutil.copytree(RUNTIME_SCHEMA.scripts, directory)
    for newer in (directory / "versions").glob("v*.py"):
        if int(newer.name[1:5]) > version:
            newer.unlink()
    upgrade(database, CopiedSchema("runtime", RUNTIME_SCHEMA.metadata, f"runtime_000{version}", directory))


def add_requests(database: Database, rows: Sequence[dict[str, object]]) -> None:
    with database.writing() as connection:
        for row in rows:
            marks = ", ".join("?" * len(row))
            query = f"INSERT OR REPLACE INTO requests ({', '.join(row)}) VALUES ({marks})"
            connection.exec_driver_sql(query, tuple(row.values()))


def all_records(database: Database, filters: RecordFilter = EVERY_RECORD) -> list[ExchangeRecord]:
    with database.reading() as connection:
        return list(PackReader().newest(connection, 10_000, filters))


BARE_ROW: dict[str, object] = {
    "id": "r1", "at": 1.0, "model": "m", "node_id": "n", "key_id": "k", "status": 200, "outcome": "answered",
    "stream": 0, "queue_ms": 0.0, "total_ms": 1.0, "estimated": 0, "attempts_json": "[]", "reason": "", "error": "",
    "client_request_id": "",
}  # fmt: skip

FULL_ROW: dict[str, object] = {
    "id": "r-full", "at": 1.7e9, "model": "m", "node_id": "node-1", "key_id": "k1", "status": 200,
    "outcome": "cancelled", "stream": 1, "queue_ms": 500.0, "ttft_ms": 250.0, "total_ms": 1500.0, "prompt_tokens": 7,
    "completion_tokens": 9, "estimated": 1,
    "attempts_json": '[{"node_id": "node-2", "reason": "least_active", "cause": "refused", "status": 0, '
    '"seconds": 0.5}]',
    "reason": "retry", "error": "the client went away", "client_request_id": "theirs",
    "costs_json": '[{"node_id": "node-1", "total_s": 1.25, "terms": {"queue": 1.0, "decode": 0.25}}]',
    "details_json": '{"key_name":"ci","endpoint":"/v1/chat/completions","address":"192.0.2.7",'
    '"cancelled_phase":"streaming","queue_position":3,"overhead_ms":125.0,"events":9,"bytes_in":1500,'
    '"bytes_out":3000,"lineup":{"eligible":2,"serving":{"node_ids":["node-3"],"reasons":["draining"],'
    '"counts":{"draining":1,"at_capacity":0}},"others":{"node_ids":["node-4"],"reasons":["model_missing"],'
    '"counts":{"model_missing":1}}}}',
}  # fmt: skip
"""As the row of ``FULL`` was written by the version before the packs."""


@pytest.mark.parametrize("version", [1, 2])
def test_records_of_an_older_schema_are_still_there_after_the_upgrade(
    database: Database, tmp_path: Path, version: int
) -> None:
    upgraded_to(version, database, tmp_path)
    add_requests(database, [BARE_ROW])
    assert needs_upgrade(database, RUNTIME_SCHEMA)
    upgrade(database, RUNTIME_SCHEMA)
    [record] = all_records(database)
    expected = ExchangeRecord(
        id="r1", at_unix_s=1.0, model="m", node_id="n", key_id="k", status=200, outcome=ExchangeOutcome.ANSWERED,
        total_s=0.001,
    )  # fmt: skip
    assert told(record) == told(expected)


def test_a_record_goes_from_its_row_into_a_pack_whole(database: Database, tmp_path: Path) -> None:
    upgraded_to(3, database, tmp_path)
    add_requests(database, [FULL_ROW])
    upgrade(database, RUNTIME_SCHEMA)
    [record] = all_records(database)
    assert told(record) == {**told(FULL), "content_s": 0.0}, "which no row ever kept"


def test_what_cannot_be_read_of_a_row_does_not_take_its_record_with_it(database: Database, tmp_path: Path) -> None:
    upgraded_to(3, database, tmp_path)
    texts = ["", "{", "null", "7", '{"events": "many"}', '[{"seconds": "long"}]', '{"lineup": {"serving": 1}}', "[1]"]
    damaged = [
        {**BARE_ROW, "id": f"r{number}", "at": float(number), "outcome": text, "attempts_json": text,
         "costs_json": text, "details_json": text}
        for number, text in enumerate(texts)
    ]  # fmt: skip
    phase = {**BARE_ROW, "id": "phase", "at": 99.0, "details_json": '{"cancelled_phase":"dreaming","events":3}'}
    add_requests(database, [*damaged, phase])
    upgrade(database, RUNTIME_SCHEMA)
    read = all_records(database)
    assert [record.id for record in read] == ["phase", *(f"r{number}" for number in reversed(range(len(texts))))]
    assert all((record.model, record.attempts, record.costs, record.lineup) == ("m", (), (), None) for record in read)
    assert (read[0].events, read[0].cancelled_phase) == (3, None)
    failed = all_records(database, RecordFilter(outcome="failed"))
    assert [record.id for record in failed] == [record.id for record in read[1:]], "whatever its outcome was called"


def test_many_rows_fill_packs_in_the_order_in_which_they_were_written(database: Database, tmp_path: Path) -> None:
    upgraded_to(3, database, tmp_path)
    rows = [{**BARE_ROW, "id": f"r{number}", "at": float(number * 7 % 100)} for number in range(600)]
    add_requests(database, [*rows[:300], rows[0], *rows[300:]])
    upgrade(database, RUNTIME_SCHEMA)
    columns = tables.request_packs.c
    with database.reading() as connection:
        numbers = connection.execute(select(columns.number)).scalars().all()
        left = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name LIKE 'requests%'").all()
    assert (numbers, left) == ([256, 512, 600], [])
    written = [*range(1, 300), 0, *range(300, 600)]
    expected = sorted(written, key=lambda number: (number * 7 % 100, written.index(number)), reverse=True)
    assert [record.id for record in all_records(database)] == [f"r{number}" for number in expected]
