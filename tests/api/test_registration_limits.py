from __future__ import annotations

from llmlb.api.registration_limits import TRACKED_ADDRESSES, RegistrationLimiter


def test_the_eleventh_registration_of_a_minute_has_to_wait_and_says_how_long() -> None:
    limiter = RegistrationLimiter()
    assert [limiter.wait_s("10.0.0.1", 10, 0.0) for _ in range(10)] == [0.0] * 10
    wait_s = limiter.wait_s("10.0.0.1", 10, 0.0)
    assert 5.9 < wait_s <= 6.0
    assert limiter.wait_s("10.0.0.1", 10, wait_s) == 0.0


def test_addresses_do_not_share_an_allowance() -> None:
    limiter = RegistrationLimiter()
    assert limiter.wait_s("10.0.0.1", 1, 0.0) == 0.0
    assert limiter.wait_s("10.0.0.1", 1, 0.0) > 0.0
    assert limiter.wait_s("10.0.0.2", 1, 0.0) == 0.0


def test_one_owner_of_an_ipv6_network_has_one_allowance() -> None:
    limiter = RegistrationLimiter()
    assert limiter.wait_s("2001:db8::1", 1, 0.0) == 0.0
    assert limiter.wait_s("2001:db8::2", 1, 0.0) > 0.0


def test_a_flood_of_addresses_does_not_fill_the_memory_nor_free_the_flooder() -> None:
    limiter = RegistrationLimiter()
    for number in range(TRACKED_ADDRESSES + 500):
        limiter.wait_s(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 10, float(number) / 1e6)
    assert len(limiter._buckets) <= TRACKED_ADDRESSES
