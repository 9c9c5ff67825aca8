"""Rows and objects as data."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlb_cli.columns import Column, Row
from llmlb_cli.formats import fields_text, json_line, json_text, picked, separated, yaml_text

COLUMNS = (
    Column("id", "ID"),
    Column("gpu_usage", "GPU", "gpu", text=lambda value: f"{value}%"),
    Column("tags", "TAGS"),
)

_scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
_texts = st.text(st.characters(exclude_categories=["Cs"]))
_values = st.recursive(
    _scalars | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)


@given(_values)
def test_json_reads_back_and_holds_nothing_that_a_terminal_obeys(value: object) -> None:
    for text in (json_text(value), json_line(value)):
        assert json.loads(text) == value
        assert all(each.isprintable() or each == "\n" for each in text)


@settings(max_examples=300)
@given(_values)
def test_yaml_reads_back_in_a_reader_of_its_own(value: object) -> None:
    yaml = pytest.importorskip("yaml")
    text = yaml_text(value)
    assert yaml.safe_load(text) == value
    assert all(each.isprintable() or each == "\n" for each in text)


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "null", "~", "1", "1e3", "2026-01-31", "a: b", "# x", "", " x", "y"]
)
def test_words_that_yaml_would_read_as_something_else_stay_text(word: str) -> None:
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(yaml_text({word: word})) == {word: word}


@given(st.lists(st.fixed_dictionaries({"id": _texts, "gpu_usage": _scalars, "tags": st.lists(_texts)}), max_size=4))
def test_csv_has_one_record_for_each_row(rows: list[dict[str, object]]) -> None:
    read = list(csv.reader(io.StringIO(separated(COLUMNS, rows, headers=True, tabs=False), newline="")))
    assert read[0] == ["id", "gpu_usage", "tags"]
    assert len(read) == len(rows) + 1
    assert all(len(record) == 3 for record in read)


def test_csv_holds_raw_values_and_nothing_for_the_unknown() -> None:
    rows: list[Row] = [{"id": "a,b", "gpu_usage": 45.5, "tags": ["x", "y"]}, {"id": "c", "gpu_usage": None, "tags": []}]
    assert separated(COLUMNS, rows, headers=True, tabs=False) == 'id,gpu_usage,tags\n"a,b",45.5,x;y\nc,,\n'


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)"])
def test_a_name_that_a_spreadsheet_would_run_is_made_harmless(name: str) -> None:
    (line,) = separated(COLUMNS, [{"id": name}], headers=False, tabs=True).splitlines()
    assert line.split("\t")[0].strip('"').startswith("'")


def test_a_negative_number_stays_a_number() -> None:
    assert separated(COLUMNS, [{"gpu_usage": -5}], headers=False, tabs=False) == ",-5,\n"


def test_only_the_named_fields_are_kept_under_their_json_names() -> None:
    assert picked({"id": "a", "gpu_usage": 1, "x": 2}, ("gpu", "x"), COLUMNS) == {"gpu_usage": 1, "x": 2}


def test_one_object_is_a_line_for_each_field_cut_to_the_terminal() -> None:
    text = fields_text({"id": "a\x1b[2J", "gpu_usage": 5, "note": "long " * 9}, COLUMNS, cells=20)
    assert text == "id         a[2J\ngpu_usage  5%\nnote       long lon…\n"
