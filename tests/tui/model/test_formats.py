from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb_tui.model.formats import age, clock_time, count, date_time, degrees, duration_ms, percent, rate, span


@given(st.integers(0, 10**15))
def test_counts_fit_their_column(value: int) -> None:
    assert len(count(value)) <= 5


@given(st.floats(0, 1e9))
def test_times_fit_their_columns(value: float) -> None:
    assert len(duration_ms(value)) <= 5
    assert len(age(value)) <= 4
    assert len(span(value)) <= 5


@given(st.floats(-50, 150))
def test_temperatures_fit_their_column(value: float) -> None:
    assert len(degrees(value)) <= 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (count(3324), "3,324"),
        (count(986_214), "986k"),
        (count(1_240_000), "1.24M"),
        (count(44_000), "44.0k"),
        (count(None), "-"),
        (duration_ms(866.4), "866ms"),
        (duration_ms(1920), "1.92s"),
        (duration_ms(61_000), "61.0s"),
        (duration_ms(None), "-"),
        (age(92.9), "92s"),
        (age(300), "300s"),
        (age(1020), "17m"),
        (age(7200), "2h"),
        (span(180), "3m"),
        (span(16_620), "4h37m"),
        (span(44_040), "12h14"),
        (span(1_047_600), "12d3h"),
        (span(None), "-"),
        (percent(97.6), "98%"),
        (percent(None), "-"),
        (rate(0.04), "0.0"),
        (rate(1284), "1,284"),
        (clock_time(1_795_000_000), "11:06:40"),
        (clock_time(None), "--:--:--"),
        (clock_time(1e18), "--:--:--"),
        (date_time(1_795_000_000), "2026-11-18 11:06:40Z"),
        (date_time(-5), "-"),
    ],
)
def test_figures_read_like_a_person_writes_them(text: str, shown: str) -> None:
    assert text == shown
