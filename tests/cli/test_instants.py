"""Instants as people give them."""

from __future__ import annotations

import pytest

from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.instants import expiry

NOW = 1_769_860_800.0  # 2026-01-31T12:00:00Z


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("30d", "2026-03-02T12:00:00Z"),
        ("12h", "2026-02-01T00:00:00Z"),
        ("90m", "2026-01-31T13:30:00Z"),
        ("2W", "2026-02-14T12:00:00Z"),
        ("2027-01-31T00:00:00Z", "2027-01-31T00:00:00Z"),
        ("2027-01-31T09:00:00+09:00", "2027-01-31T00:00:00Z"),
    ],
)
def test_a_time_from_now_or_an_instant_becomes_utc(text: str, at: str) -> None:
    assert expiry(text, now_unix_s=NOW) == at


@pytest.mark.parametrize(
    "text", ["", "d", "30", "30x", "soon", "-1d", "0d", "2020-01-01T00:00:00Z", "999999999w", "٣d"]
)
def test_what_is_no_time_to_come_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Failure) as caught:
        expiry(text, now_unix_s=NOW)
    assert caught.value.exit_code is ExitCode.USAGE
    assert "30d" in caught.value.hint


@pytest.mark.parametrize("text", ["2027-01-31T00:00:00", "2027-01-31"])
def test_an_instant_without_a_time_zone_is_refused_with_one_that_is_taken(text: str) -> None:
    with pytest.raises(Failure, match="time zone") as caught:
        expiry(text, now_unix_s=NOW)
    assert expiry(caught.value.hint.split()[1], now_unix_s=NOW) == "2027-01-31T00:00:00Z"
