from __future__ import annotations

import pytest

from llmlb.errors import ConfigurationError
from llmlb.loadtest.quantities import duration_s, length, number, share, steps


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("2s", 2), ("1.5m", 90), ("1h", 3600), ("10us", 1e-5)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "-1s", "1d", "s", "nan s", "1e3s"])
def test_a_duration_without_a_known_unit_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="500ms, 2s or 1m"):
        duration_s(text)


def test_a_bare_number_takes_the_unit_it_is_given() -> None:
    assert duration_s("5", bare_unit="s") == 5


@pytest.mark.parametrize(("text", "part"), [("60%", 0.6), ("0.6", 0.6), ("100%", 1), ("0", 0)])
def test_shares_are_read(text: str, part: float) -> None:
    assert share(text) == pytest.approx(part)


@pytest.mark.parametrize("text", ["60", "-1%", "101%", "x", "nan"])
def test_a_share_outside_zero_to_one_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        share(text)


@pytest.mark.parametrize(
    ("text", "found"), [("1..16x2", (1, 2, 4, 8, 16)), ("4..20+8", (4, 12, 20)), ("3", (3,)), ("1,3,9", (1, 3, 9))]
)
def test_steps_are_read(text: str, found: tuple[int, ...]) -> None:
    assert steps(text) == found


@pytest.mark.parametrize("text", ["", "16..1", "1..8x1", "0..8", "1..100000x2", "a", "1..9999+1", "1,2,x"])
def test_steps_that_go_nowhere_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        steps(text)


def test_lengths_are_read_with_either_sign_of_spread() -> None:
    assert length("512") == (512, 0)
    assert length("512±64") == length("512+-64") == (512, 64)
    with pytest.raises(ConfigurationError):
        length("0")
    with pytest.raises(ConfigurationError, match="finite"):
        number("inf", what="it")
