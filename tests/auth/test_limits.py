"""Rates, on a clock that the test turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.auth.limits import (
    LOGINS_PER_ADDRESS,
    TRACKED_LOGINS,
    KeyLimiter,
    LoginLimiter,
    TokenBucket,
    network_of,
)
from llmlb.auth.principals import ApiKey, Denial, Scope


def _key(*, per_minute: int | None = None, at_once: int | None = None, key_id: str = "k1") -> ApiKey:
    return ApiKey(key_id, "ci", frozenset({Scope.API}), requests_per_minute=per_minute, max_concurrency=at_once)


def test_a_key_gets_its_minutes_worth_and_then_one_at_a_time() -> None:
    limiter, key = KeyLimiter(), _key(per_minute=6)
    assert [limiter.admit(key, 100.0) for _ in range(6)] == [None] * 6
    refused = limiter.admit(key, 100.0)
    assert isinstance(refused, Denial)
    assert (refused.status, refused.code, refused.retry_after_s) == (429, "rate_limit_exceeded", 10)
    assert isinstance(limiter.admit(key, 109.9), Denial)
    assert limiter.admit(key, 110.0) is None
    assert isinstance(limiter.admit(key, 110.0), Denial)


@given(per_minute=st.integers(1, 600), arrivals=st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_no_pattern_of_arrivals_gets_more_than_the_bucket_and_its_refill(
    per_minute: int, arrivals: list[float]
) -> None:
    limiter, key = KeyLimiter(), _key(per_minute=per_minute)
    now_s, admitted = 0.0, 0
    for wait_s in arrivals:
        now_s += wait_s
        if limiter.admit(key, now_s) is None:
            admitted += 1
        assert admitted <= per_minute + now_s * per_minute / 60 + 1e-6


@given(per_minute=st.integers(1, 600))
def test_who_waits_as_long_as_told_is_admitted(per_minute: int) -> None:
    limiter, key = KeyLimiter(), _key(per_minute=per_minute)
    while (refused := limiter.admit(key, 0.0)) is None:
        pass
    assert refused.retry_after_s is not None
    assert limiter.admit(key, float(refused.retry_after_s)) is None


def test_a_clock_that_stands_still_or_goes_back_gives_nothing_away() -> None:
    bucket = TokenBucket.full(1, 100.0)
    bucket.take()
    assert bucket.wait_s(50.0) == pytest.approx(60.0)
    assert bucket.wait_s(100.0) == pytest.approx(60.0)
    assert bucket.wait_s(160.0) == 0.0


def test_a_key_has_only_so_many_requests_at_once() -> None:
    limiter, key = KeyLimiter(), _key(at_once=2)
    assert limiter.admit(key, 0.0) is None
    assert limiter.admit(key, 0.0) is None
    refused = limiter.admit(key, 0.0)
    assert isinstance(refused, Denial)
    assert (refused.status, refused.code) == (429, "concurrency_limit_exceeded")
    limiter.release(key)
    assert limiter.admit(key, 0.0) is None
    assert limiter.in_flight("k1") == 2


def test_a_request_refused_for_its_rate_does_not_count_as_running() -> None:
    limiter, key = KeyLimiter(), _key(per_minute=1, at_once=5)
    assert limiter.admit(key, 0.0) is None
    assert isinstance(limiter.admit(key, 0.0), Denial)
    limiter.release(key)
    assert limiter.in_flight("k1") == 0


def test_a_request_refused_for_its_number_costs_nothing_of_the_rate() -> None:
    limiter, key = KeyLimiter(), _key(per_minute=2, at_once=1)
    assert limiter.admit(key, 0.0) is None
    for _ in range(10):
        assert isinstance(limiter.admit(key, 0.0), Denial)
    limiter.release(key)
    assert limiter.admit(key, 0.0) is None


def test_a_key_without_limits_is_never_counted_even_if_it_gets_one_meanwhile() -> None:
    limiter, free, limited = KeyLimiter(), _key(), _key(at_once=1)
    assert limiter.admit(free, 0.0) is None
    assert limiter.admit(limited, 0.0) is None
    limiter.release(free)
    assert limiter.in_flight("k1") == 1


def test_releasing_once_too_often_gives_nobody_an_extra_place() -> None:
    limiter, key = KeyLimiter(), _key(at_once=1)
    limiter.release(key)
    limiter.admit(key, 0.0)
    limiter.release(key)
    limiter.release(key)
    assert limiter.admit(key, 0.0) is None
    assert isinstance(limiter.admit(key, 0.0), Denial)


def test_a_deleted_key_is_forgotten_while_its_requests_end() -> None:
    limiter, key = KeyLimiter(), _key(at_once=1)
    limiter.admit(key, 0.0)
    limiter.forget("k1")
    limiter.release(key)
    assert limiter.in_flight("k1") == 0


def test_a_new_limit_counts_from_the_next_request() -> None:
    limiter = KeyLimiter()
    assert limiter.admit(_key(per_minute=1), 0.0) is None
    assert isinstance(limiter.admit(_key(per_minute=1), 0.0), Denial)
    assert limiter.admit(_key(per_minute=100), 0.0) is None


def test_two_keys_do_not_share_a_limit() -> None:
    limiter = KeyLimiter()
    assert limiter.admit(_key(per_minute=1), 0.0) is None
    assert limiter.admit(_key(per_minute=1, key_id="k2"), 0.0) is None


def test_a_hundred_guesses_in_a_row_are_slowed_to_a_handful() -> None:
    limiter = LoginLimiter()
    evaluated = sum(limiter.attempt("admin", "192.0.2.1", number * 0.1) is None for number in range(100))
    assert evaluated == 5


def test_guessing_goes_on_slowly_and_nobody_is_locked_out() -> None:
    limiter = LoginLimiter()
    for _ in range(5):
        assert limiter.attempt("admin", "192.0.2.1", 0.0) is None
    refused = limiter.attempt("admin", "192.0.2.1", 0.0)
    assert isinstance(refused, Denial)
    assert (refused.status, refused.code, refused.retry_after_s) == (429, "too_many_logins", 12)
    assert limiter.attempt("admin", "192.0.2.2", 0.0) is None, "another address is not the guesser's"
    assert limiter.attempt("admin", "192.0.2.1", 12.0) is None


def test_rotating_user_names_meets_the_limit_of_the_address() -> None:
    limiter = LoginLimiter()
    evaluated = sum(limiter.attempt(f"user-{number}", "192.0.2.1", 0.0) is None for number in range(100))
    assert evaluated == LOGINS_PER_ADDRESS


def test_the_right_password_is_not_a_guess() -> None:
    limiter = LoginLimiter()
    for number in range(100):
        assert limiter.attempt("admin", "192.0.2.1", number * 0.001) is None
        limiter.succeeded("admin", "192.0.2.1", number * 0.001)


def test_the_memory_of_logins_is_bounded() -> None:
    limiter = LoginLimiter()
    for number in range(3 * TRACKED_LOGINS):
        limiter.attempt("admin", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(limiter._buckets) <= TRACKED_LOGINS


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("unix", "unix"),
    ],
)
def test_one_caller_is_one_network(address: str, network: str) -> None:
    assert network_of(address) == network
