"""Every refusal names the cause and the next step."""

from __future__ import annotations

import pytest

from llmlb.auth import denials
from llmlb.auth.principals import Denial

ALL = [value for value in vars(denials).values() if isinstance(value, Denial)]
ALL += [*denials.MISSING_SCOPE.values(), denials.model_not_allowed("llama3")]


@pytest.mark.parametrize("denial", ALL, ids=lambda denial: denial.code)
def test_a_refusal_says_what_to_do_next(denial: Denial) -> None:
    words = ("llmlb ", "send", "ask", "give", "choose", "try again", "speaks only")
    assert any(word in denial.message for word in words)
    assert (denial.retry_after_s is not None) == (denial.status == 429)


def test_a_long_model_name_is_not_echoed_whole() -> None:
    assert len(denials.model_not_allowed("x" * 10_000).message) < 500
