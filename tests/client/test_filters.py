"""The filter language over rows of any kind; what it finds among nodes is tested with the console."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.client.filters import BYTES, SECONDS, Figure, Vocabulary, read_filter
from llmlb.errors import FilterError

Row = dict[str, float | str]

BACKUPS: Vocabulary[Row] = Vocabulary(
    named=lambda row: [str(row["name"])],
    texts={"name": lambda row: [str(row["name"])], "made": lambda row: [str(row["made"])]},
    figures={
        "size": Figure(lambda row: float(row["bytes"]), BYTES),
        "made": Figure(lambda row: float(row["age"]), SECONDS),
    },
    states={},
)
ROWS: tuple[Row, ...] = (
    {"name": "daily-1", "bytes": 2e6, "made": "2026-01-31", "age": 7200.0},
    {"name": "daily-2", "bytes": 5e9, "made": "2026-01-30", "age": 93_600.0},
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "daily-1 daily-2"),
        ("  ", "daily-1 daily-2"),
        ("y-1", "daily-1"),
        ("size>1GB", "daily-2"),
        ("size<3mb", "daily-1"),
        ("made>1d", "daily-2"),
        ("made:2026-01-31", "daily-1"),
        ("made=2026-01-30 or made<3h", "daily-1 daily-2"),
        ("made!=2026-01-30", "daily-1"),
        ("!name:*-2", "daily-1"),
    ],
)
def test_a_field_may_be_a_text_and_a_figure(text: str, found: str) -> None:
    admits = read_filter(text, BACKUPS)
    assert " ".join(str(row["name"]) for row in ROWS if admits(row)) == found


@pytest.mark.parametrize("text", ["state:online", "colour:red"])
def test_an_unknown_field_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(FilterError, match="the fields are made, name, size") as caught:
        read_filter(text, BACKUPS)
    assert caught.value.position == 0


@given(st.text(max_size=60))
def test_a_text_is_a_filter_or_refused_at_a_place_within_it(text: str) -> None:
    position = 0
    try:
        admits = read_filter(text, BACKUPS)
    except FilterError as error:
        position = error.position
    else:
        assert all(admits(row) in (True, False) for row in ROWS)
    assert 0 <= position <= len(text)
