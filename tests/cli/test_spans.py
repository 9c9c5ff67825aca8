"""Lengths of time and instants in the past, as people give them."""

from __future__ import annotations

import pytest

from llmlb_cli.exits import Failure
from llmlb_cli.spans import since_unix_s, span_s


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400), ("2W", 1_209_600), ("0", 0)]
)
def test_a_length_of_time_is_read_with_its_unit(text: str, seconds: int) -> None:
    assert span_s(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "h", "-1h", "1.5h", "1y", "१h", "1" * 12 + "s"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        span_s(text)


def test_an_instant_is_given_as_a_time_ago_or_in_full() -> None:
    assert since_unix_s("1h", now_unix_s=10_000.0) == 6400.0
    assert since_unix_s("1970-01-01T00:01:00Z") == 60.0
    assert since_unix_s("1970-01-01T01:01:00+01:00") == 60.0


def test_a_date_is_refused_with_an_instant_that_is_taken() -> None:
    with pytest.raises(Failure, match="time zone") as caught:
        since_unix_s("2026-01-31")
    assert since_unix_s(caught.value.hint.split()[1]) == since_unix_s("2026-01-31T00:00:00Z")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-31T00:00:00"])
def test_an_instant_that_could_be_two_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        since_unix_s(text)
