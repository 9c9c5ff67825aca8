"""Figures and names from an engine come out typed, bounded and clean, whatever went in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.agent.engines.reading import (
    MAX_COUNT,
    MAX_MODELS,
    MAX_NAME_CHARS,
    EngineReading,
    clean_name,
    clean_names,
    count,
    model_names,
    percent_of_share,
    rows,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.text() | st.text(alphabet="\x1b\x07\u202e\u2066\u200f\ud800a[]"))
def test_a_name_can_move_the_cursor_or_turn_the_text_around(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= MAX_NAME_CHARS
    assert not {unicodedata.category(character) for character in name} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    name.encode("utf-8")


def test_an_escape_sequence_loses_its_escape() -> None:
    assert clean_name("gpu\x1b]52;c;aGk=\x07\u202e!") == "gpu]52;c;aGk=!"


def test_a_name_too_long_to_be_one_is_dropped_and_not_cut() -> None:
    assert clean_name("m" * MAX_NAME_CHARS) != ""
    assert clean_name("m" * (MAX_NAME_CHARS + 1)) == ""


def test_a_flood_of_models_is_bounded_and_repeats_count_once() -> None:
    assert len(clean_names(f"m{number}" for number in range(5_000))) == MAX_MODELS
    assert clean_names(["b", "a", "b", 7, None, ""]) == ("b", "a")


@given(ANYTHING)
def test_readers_accept_any_json(value: object) -> None:
    assert all(isinstance(name, str) for name in model_names(value))
    assert all(isinstance(row, dict) for row in rows(value, "data"))
    counted = count(value)
    assert counted is None or 0 <= counted <= MAX_COUNT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (7, 7),
        (7.9, 7),
        (-1, None),
        (True, None),
        ("7", None),
        (float("nan"), None),
        (float("inf"), None),
        (MAX_COUNT, MAX_COUNT),
        (MAX_COUNT + 1, None),
        (10**400, None),
    ],
)
def test_a_count_is_a_whole_number_in_bounds_or_nothing(value: object, expected: int | None) -> None:
    assert count(value) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [(None, None), (0.0, 0.0), (0.125, 12.5), (1.0, 100.0), (1.0004, 100.0), (-0.0004, 0.0), (1.5, None), (50.0, None)],
)
def test_a_share_becomes_a_percentage_or_nothing(share: float | None, expected: float | None) -> None:
    assert percent_of_share(share) == expected


@pytest.mark.parametrize(
    ("running", "queued", "active"), [(2, 3, 5), (2, None, 2), (None, 3, 3), (None, None, None), (0, 0, 0)]
)
def test_active_requests_are_the_known_ones_together(
    running: int | None, queued: int | None, active: int | None
) -> None:
    assert EngineReading("x", running=running, queued=queued).active_requests == active
