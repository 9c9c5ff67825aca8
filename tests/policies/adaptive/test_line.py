"""Lines through samples: exact where the samples are, calm where they are not."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.policies.adaptive.line import FadingLine

REACH = 2000.0


def line() -> FadingLine:
    return FadingLine(0.05, 1 / 4000, REACH)


@given(st.floats(0.0, 1.0), st.floats(1e-5, 1e-2), st.integers(0, 1 << 32))
def test_it_finds_the_line_that_its_samples_lie_on(base: float, slope: float, seed: int) -> None:
    found, rng = line(), Random(seed)
    for _ in range(200):
        tokens = rng.uniform(10, 8000)
        found.learn(tokens, base + slope * tokens)
    for tokens in (100.0, 4000.0):
        assert found.at(tokens) == pytest.approx(base + slope * tokens, rel=0.02, abs=0.005)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e4)), max_size=60))
def test_no_sample_makes_it_negative(samples: list[tuple[float, float]]) -> None:
    found = line()
    for tokens, seconds in samples:
        found.learn(tokens, seconds)
        assert found.base >= 0.0
        assert found.slope >= 0.0


def test_one_stalled_answer_does_not_spoil_it() -> None:
    found = line()
    for tokens in range(100, 4100, 100):
        found.learn(tokens, tokens / 5000)
    found.learn(1000, 60.0)
    assert found.at(1000) < 0.2 * 1.5


def test_the_newest_samples_count_and_not_the_oldest() -> None:
    found = line()
    for speed in (8000, 500):
        for tokens in list(range(100, 4100, 100)) * 2:
            found.learn(tokens, tokens / speed)
    assert found.at(1000) == pytest.approx(2.0, rel=0.1)


def test_samples_of_one_size_still_teach() -> None:
    found = line()
    for _ in range(50):
        found.learn(1000, 2.0)
    assert found.at(1000) == pytest.approx(2.0, rel=0.05)
