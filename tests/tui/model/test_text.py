from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from llmlb_tui.model.text import clean, cut, fitted, middle_cut, right, width

HOSTILE = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x9b\x07\x00\x7f\u202e\u2066\u200d\ufe0f\u0300\U000e0041漢字👩🏽‍🚀[/red]"),
    ),
    max_size=200,
)
ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\u200b-\u200f\ufeff\ud800-\udfff]")


@given(HOSTILE)
def test_no_text_keeps_a_character_that_acts_on_a_terminal(text: str) -> None:
    assert ACTING.search(clean(text)) is None


@given(HOSTILE)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(HOSTILE, st.integers(0, 40))
def test_a_fitted_text_is_exactly_as_wide_as_its_column(text: str, cells: int) -> None:
    assert width(fitted(clean(text), cells)) == cells
    assert width(right(clean(text), cells)) == cells


@given(HOSTILE, st.integers(0, 40))
def test_a_cut_text_is_never_wider_than_its_column(text: str, cells: int) -> None:
    assert width(cut(clean(text), cells)) <= cells
    assert width(middle_cut(clean(text), cells)) <= cells


def test_an_escape_sequence_leaves_only_harmless_letters() -> None:
    assert clean("gpu\x1b[5;5Hx") == "gpu[5;5Hx"
    assert clean("\x1b]52;c;cGFzdGU=\x07") == "]52;c;cGFzdGU="


def test_markup_stays_as_it_was_written() -> None:
    assert clean("gpu[/red]x") == "gpu[/red]x"


def test_ten_kilobytes_are_cut_with_dots() -> None:
    assert clean("x" * 10_000) == "x" * 1_997 + "..."


def test_letters_do_not_climb_over_other_lines() -> None:
    assert clean("a" + "\u0301" * 50) == "a\u0301\u0301"


def test_what_is_no_text_is_empty() -> None:
    assert clean(None) == clean(7) == clean(["x"]) == ""


def test_names_keep_both_ends() -> None:
    assert middle_cut("gpu-europe-west-0741", 12) == "gpu-eu…-0741"
