"""How often a caller may come: token buckets on the monotonic clock, which the caller reads."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass

from llmlb.auth.principals import ApiKey, Denial

LOGINS_PER_USER_AND_ADDRESS = 5
LOGINS_PER_ADDRESS = 30
TRACKED_LOGINS = 10_000
"""Buckets kept at most; an address that rotates user names is stopped by its own bucket long before."""


@dataclass(slots=True)
class TokenBucket:
    """A full bucket of ``per_minute`` tokens that refills evenly; each use takes one."""

    per_minute: int
    tokens: float
    filled_at_s: float

    @classmethod
    def full(cls, per_minute: int, now_s: float) -> TokenBucket:
        return cls(per_minute, float(per_minute), now_s)

    def wait_s(self, now_s: float) -> float:
        """Seconds until a token is there; 0 when one is there now. Takes nothing."""
        elapsed_s = max(0.0, now_s - self.filled_at_s)
        self.tokens = min(float(self.per_minute), self.tokens + elapsed_s * self.per_minute / 60.0)
        self.filled_at_s = max(self.filled_at_s, now_s)
        if self.tokens >= 1.0 - 1e-9:  # sums of small refills may end a rounding error below one
            return 0.0
        return (1.0 - self.tokens) * 60.0 / self.per_minute

    def take(self) -> None:
        self.tokens -= 1.0

    def put_back(self) -> None:
        self.tokens = min(float(self.per_minute), self.tokens + 1.0)

    def is_full(self, now_s: float) -> bool:
        return self.wait_s(now_s) == 0.0 and self.tokens >= self.per_minute - 1e-9


@dataclass(slots=True)
class _KeyUse:
    in_flight: int
    bucket: TokenBucket | None


class KeyLimiter:
    """Keeps API keys within their requests per minute and at once. O(1), memory bounded by the keys."""

    def __init__(self) -> None:
        self._uses: dict[str, _KeyUse] = {}

    def admit(self, key: ApiKey, now_s: float) -> Denial | None:
        """Counts one request of the key in, or says why not. Whoever is admitted must ``release`` once."""
        if key.requests_per_minute is None and key.max_concurrency is None:
            return None
        use = self._uses.get(key.id)
        if use is None:
            use = self._uses[key.id] = _KeyUse(0, None)
        if key.max_concurrency is not None and use.in_flight >= key.max_concurrency:
            return _too_many_at_once(key.max_concurrency)
        if key.requests_per_minute is not None:
            bucket = use.bucket
            if bucket is None or bucket.per_minute != key.requests_per_minute:
                bucket = use.bucket = TokenBucket.full(key.requests_per_minute, now_s)
            wait_s = bucket.wait_s(now_s)
            if wait_s > 0.0:
                return _too_often(key.requests_per_minute, wait_s)
            bucket.take()
        use.in_flight += 1
        return None

    def release(self, key: ApiKey) -> None:
        """Counts a request out that ``admit`` counted in. Harmless for a key that was deleted meanwhile."""
        if key.requests_per_minute is None and key.max_concurrency is None:
            return  # it was admitted uncounted, even if the key has limits by now
        use = self._uses.get(key.id)
        if use is not None and use.in_flight > 0:
            use.in_flight -= 1

    def in_flight(self, key_id: str) -> int:
        use = self._uses.get(key_id)
        return 0 if use is None else use.in_flight

    def forget(self, key_id: str) -> None:
        self._uses.pop(key_id, None)


def _too_many_at_once(limit: int) -> Denial:
    return Denial(
        429,
        "concurrency_limit_exceeded",
        f"This API key may have {limit} requests running at once; wait for one to end, or ask the operator "
        "to raise max_concurrency.",
        retry_after_s=1,
    )


def _too_often(limit: int, wait_s: float) -> Denial:
    retry_after_s = max(1, math.ceil(wait_s))
    return Denial(
        429,
        "rate_limit_exceeded",
        f"This API key may send {limit} requests a minute; try again in {retry_after_s} s, or ask the "
        "operator to raise requests_per_minute.",
        retry_after_s=retry_after_s,
    )


class LoginLimiter:
    """Slows password guessing: 5 tries a minute per user and address, 30 per address. Nobody is locked out.

    Unknown user names are limited like known ones, so the limit tells nothing about who exists.
    """

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], TokenBucket] = {}

    def attempt(self, username: str, address: str, now_s: float) -> Denial | None:
        """Counts one try in, or says how long to wait. A refused try costs nothing and is not evaluated."""
        by_user, by_address = self._both(username, address, now_s)
        wait_s = max(by_user.wait_s(now_s), by_address.wait_s(now_s))
        if wait_s > 0.0:
            return _too_many_logins(wait_s)
        by_user.take()
        by_address.take()
        return None

    def succeeded(self, username: str, address: str, now_s: float) -> None:
        """Gives the try back: a script that logs in with the right password guesses nothing."""
        for bucket in self._both(username, address, now_s):
            bucket.put_back()

    def _both(self, username: str, address: str, now_s: float) -> tuple[TokenBucket, TokenBucket]:
        network = network_of(address)
        by_address = self._bucket(("", network), LOGINS_PER_ADDRESS, now_s)
        user = "u" + username[:128]
        return self._bucket((user, network), LOGINS_PER_USER_AND_ADDRESS, now_s), by_address

    def _bucket(self, name: tuple[str, str], per_minute: int, now_s: float) -> TokenBucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            if len(self._buckets) >= TRACKED_LOGINS:
                self._make_room(now_s)
            bucket = self._buckets[name] = TokenBucket.full(per_minute, now_s)
        return bucket

    def _make_room(self, now_s: float) -> None:
        full = [name for name, bucket in self._buckets.items() if bucket.is_full(now_s)]
        oldest = list(self._buckets)[: TRACKED_LOGINS // 10]
        for name in full or oldest:
            del self._buckets[name]


def network_of(address: str) -> str:
    """The unit that login limits count: an IPv4 address, or an IPv6 /64, which one caller owns as a whole."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if ip.version == 4:
        return str(ip)
    mapped = ip.ipv4_mapped
    return str(mapped) if mapped is not None else str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))


def _too_many_logins(wait_s: float) -> Denial:
    retry_after_s = max(1, math.ceil(wait_s))
    return Denial(
        429,
        "too_many_logins",
        f"Too many logins from this address; try again in {retry_after_s} s.",
        retry_after_s=retry_after_s,
    )
