"""Foreign failures in our words: a status, a code, and what to do next."""

from __future__ import annotations

import pytest

from llmlb.api.failures import refusal_for
from llmlb.auth.addresses import Refused
from llmlb.auth.urls import refused_url
from llmlb.errors import ConfigurationError, LlmlbError, PasswordsBusy, StoreBusy, StoreCorrupt, StoreError, StoreFull


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreBusy(), 503, "store_busy"),
        (StoreFull(), 507, "store_full"),
        (StoreCorrupt("damaged"), 503, "store_corrupt"),
        (StoreError(), 503, "store_failed"),
        (PasswordsBusy(), 503, "passwords_busy"),
        (refused_url(Refused.METADATA), 422, "url_refused"),
        (ConfigurationError("no such mode"), 422, "invalid_value"),
        (LlmlbError(), 500, "internal_error"),
        (RecursionError(), 500, "internal_error"),
    ],
)
def test_each_failure_has_its_status_and_its_words(error: Exception, status: int, code: str) -> None:
    refusal = refusal_for(error, "req-1")
    assert (refusal.status, refusal.code) == (status, code)
    assert refusal.message


def test_what_may_pass_says_when_to_come_back() -> None:
    assert refusal_for(StoreBusy()).retry_after_s > 0
    assert refusal_for(PasswordsBusy()).retry_after_s > 0
    assert refusal_for(StoreFull()).retry_after_s == 0


def test_true_reason_why_a_url_is_refused_is_not_told() -> None:
    messages = {refusal_for(refused_url(reason)).message for reason in Refused}
    assert len(messages) == 1
