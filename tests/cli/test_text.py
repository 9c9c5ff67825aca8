"""Text as a terminal shows it."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb_cli.text import clean, clean_value, clip, clip_middle, natural_key, pad, width

HOSTILE = "gpu\x1b[5;5H\x1b]52;c;AAAA\x07\u202e1\u2066\x9b2J\r\n\tx"


def test_escape_sequences_of_a_node_never_survive() -> None:
    assert clean(HOSTILE) == "gpu[5;5H]52;c;AAAA12J   x"


@given(st.text())
def test_cleaned_text_is_one_printable_line(text: str) -> None:
    assert clean(text).isprintable()


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_ordinary_text_comes_back_unchanged(text: str) -> None:
    assert clean(text) == text


def test_names_of_fields_are_cleaned_as_well_as_values() -> None:
    assert clean_value({"a\x1b": ["b\x1b", {"c\x07": 1}]}) == {"a": ["b", {"c": 1}]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_know_becomes_unknown(value: float) -> None:
    assert clean_value({"gpu_usage": value}) == {"gpu_usage": None}


def test_wide_and_combining_characters_are_measured_in_cells() -> None:
    assert [width(text) for text in ("abc", "ノード", "e\u0301", "🚀", "")] == [3, 6, 1, 2, 0]


@given(st.text(), st.integers(0, 30))
def test_clipped_text_never_takes_more_cells_than_allowed(text: str, cells: int) -> None:
    text = clean(text)
    assert width(clip(text, cells)) <= cells
    assert width(clip_middle(text, cells)) <= cells


@given(st.text(), st.integers(0, 30))
def test_text_that_fits_is_not_touched(text: str, spare: int) -> None:
    text = clean(unicodedata.normalize("NFC", text))
    assert clip(text, width(text) + spare) == text == clip_middle(text, width(text) + spare)


def test_a_long_id_keeps_both_of_its_ends() -> None:
    assert clip_middle("gpu-east-rack-17-slot-0741", 13) == "gpu-ea…t-0741"


@given(st.text(), st.integers(0, 40), st.booleans())
def test_padding_reaches_the_width_and_adds_only_spaces(text: str, cells: int, right: bool) -> None:
    text = clean(text)
    padded = pad(text, cells, right=right)
    assert width(padded) == max(cells, width(text))
    assert padded.replace(" ", "") == text.replace(" ", "")


def test_node_2_comes_before_node_10() -> None:
    assert sorted(["node-10", "node-2", "Node-1", "a"], key=natural_key) == ["a", "Node-1", "node-2", "node-10"]


@given(st.lists(st.text()))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    keys = [natural_key(name) for name in sorted(names, key=natural_key)]
    assert all(one <= other for one, other in itertools.pairwise(keys))
