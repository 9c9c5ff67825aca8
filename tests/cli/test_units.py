"""Figures as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb_cli.units import count, degrees, duration, instant, listed, milliseconds, percent, plain


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (9.4, "9s"), (59.9, "60s"), (60, "1m00s"), (245, "4m05s"), (3720, "1h02m"), (1_051_200, "12d04h")],
)
def test_durations_have_at_most_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (9999, "9999"), (12_345, "12.3k"), (999_999, "1000k"), (1_234_567, "1.23M")]
)
def test_large_counts_get_a_suffix(value: int, text: str) -> None:
    assert count(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.4, "0ms"), (830.4, "830ms"), (1234.0, "1.23s"), (75_000, "1m15s")])
def test_short_times_are_milliseconds_and_long_ones_are_not(value: float, text: str) -> None:
    assert milliseconds(value) == text


@pytest.mark.parametrize("formatter", [percent, degrees, count, milliseconds, duration, instant, plain, listed])
def test_what_is_unknown_is_a_dash_and_never_a_zero(formatter: object) -> None:
    assert callable(formatter)
    assert formatter(None) == "-"


def test_percent_and_degrees_are_whole() -> None:
    assert (percent(45.5), degrees(64.6)) == ("46%", "65C")


def test_instants_lose_only_what_tables_do_not_need() -> None:
    assert instant("2026-01-31T12:00:00Z") == "2026-01-31 12:00:00"


def test_nested_values_are_still_one_line() -> None:
    assert plain([{"model": "H100", "vram": None}, "x"]) == "model=H100,vram=-,x"
    assert plain(True) == "yes"
    assert listed([]) == "-"


@given(st.floats(allow_nan=False) | st.integers() | st.text() | st.none())
def test_no_value_of_a_router_breaks_a_formatter(value: object) -> None:
    for formatter in (percent, degrees, plain, listed, instant):
        assert isinstance(formatter(value), str)
