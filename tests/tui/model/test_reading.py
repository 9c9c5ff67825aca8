from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from llmlb_tui.model.reading import count, fields, instant, names, number, rows

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_whatever_a_router_sends_the_wanted_type_comes_out(value: object) -> None:
    assert isinstance(fields(value), dict)
    assert all(isinstance(row, dict) for row in rows(value))
    assert isinstance(count(value), int)
    assert count(value) >= 0
    assert all(isinstance(name, str) for name in names(value))
    found = number(value)
    assert found is None or isinstance(found, float)
    at = instant(value)
    assert at is None or isinstance(at, float)


def test_nan_and_infinity_are_no_numbers() -> None:
    assert number(float("nan")) is None
    assert number(float("inf")) is None
    assert number(json.loads("1e999")) is None


def test_true_is_no_number() -> None:
    assert number(True) is None
    assert count(True) == 0


def test_an_instant_is_read_from_both_spellings() -> None:
    assert instant("2026-11-18T11:06:40Z") == 1_795_000_000.0
    assert instant(1_795_000_000) == 1_795_000_000.0
    assert instant("yesterday") is None
