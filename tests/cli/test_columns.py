"""Choosing columns."""

from __future__ import annotations

import pytest

from llmlb_cli.columns import Column, chosen_columns, value_at
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.registry import API_KEYS, EXCLUSIONS, NODES, OUTCOMES, USERS

COLUMNS = (Column("id", "ID"), Column("gpu_usage", "GPU", "gpu"), Column("url", "URL", wide=True))
ROWS = [{"id": "a", "gpu_usage": 1.0, "url": "u", "circuit_detail": {"state": "open"}}]


def test_the_wide_columns_stay_out_of_the_usual_table() -> None:
    assert [each.key for each in chosen_columns(COLUMNS, ROWS, fields=(), wide=False)] == ["id", "gpu_usage"]
    assert [each.key for each in chosen_columns(COLUMNS, ROWS, fields=(), wide=True)] == ["id", "gpu_usage", "url"]


def test_a_short_name_and_a_field_without_a_column_may_be_named() -> None:
    chosen = chosen_columns(COLUMNS, ROWS, fields=("gpu", "circuit_detail.state"), wide=False)
    assert [each.value(ROWS[0]) for each in chosen] == [1.0, "open"]


def test_an_unknown_field_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Failure) as caught:
        chosen_columns(COLUMNS, ROWS, fields=("gpu_usag",), wide=False)
    assert caught.value.exit_code is ExitCode.USAGE
    assert "gpu_usage" in caught.value.hint


def test_a_field_that_is_there_with_null_is_known() -> None:
    (column,) = chosen_columns(COLUMNS, [{"temperature": None}], fields=("temperature",), wide=False)
    assert column.value({"temperature": None}) is None


def test_a_path_through_something_that_is_no_object_is_unknown() -> None:
    assert value_at({"a": 1}, "a.b") is None
    assert value_at({"a.b": 2, "a": {"b": 3}}, "a.b") == 2


@pytest.mark.parametrize("columns", [NODES, API_KEYS, USERS, OUTCOMES, EXCLUSIONS])
def test_no_two_columns_of_a_noun_share_a_name(columns: tuple[Column, ...]) -> None:
    names = [name for column in columns for name in (column.key, column.short) if name]
    assert len(names) == len(set(names))


def test_figures_sort_before_texts_and_by_value() -> None:
    column = Column("x", "X")
    rows: list[dict[str, object]] = [{"x": "b10"}, {"x": 3}, {"x": "b2"}, {"x": 2.5}]
    assert [row["x"] for row in sorted(rows, key=column.sort_key)] == [2.5, 3, "b2", "b10"]
