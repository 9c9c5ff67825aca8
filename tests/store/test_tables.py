"""The tables beside the rows they hold."""

from __future__ import annotations

import pytest
from sqlalchemy import Table
from sqlalchemy.dialects import sqlite

from llmlb.store import tables
from llmlb.store.queries import RowType
from llmlb.store.rows import (
    ApiKeyRow,
    AuditRow,
    BodyRow,
    EventRow,
    JoinTokenRow,
    NodeCounters,
    NodeRow,
    UserRow,
)

KINDS: list[tuple[Table, type[RowType]]] = [
    (tables.nodes, NodeRow),
    (tables.api_keys, ApiKeyRow),
    (tables.users, UserRow),
    (tables.join_tokens, JoinTokenRow),
    (tables.audit, AuditRow),
    (tables.node_counters, NodeCounters),
    (tables.events, EventRow),
]


@pytest.mark.parametrize(("table", "kind"), KINDS, ids=[kind.__name__ for _, kind in KINDS])
def test_a_field_added_to_a_row_has_its_column(table: Table, kind: type[RowType]) -> None:
    assert set(kind.__slots__) == set(table.columns.keys())


def test_a_body_adds_its_number_and_its_size() -> None:
    assert set(tables.bodies.columns.keys()) == {"number", "size_bytes", *BodyRow.__slots__}


@pytest.mark.parametrize("texts", [(), ("a",), ("ü", "", 'quoted "x"', "line\nbreak"), None])
def test_texts_come_back_as_they_went_in(texts: tuple[str, ...] | None) -> None:
    column = tables.Texts()
    stored = column.process_bind_param(texts, sqlite.dialect())
    assert column.process_result_value(stored, sqlite.dialect()) == texts
