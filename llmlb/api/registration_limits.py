"""How often one address may register nodes."""

from __future__ import annotations

from llmlb.auth.limits import TokenBucket, network_of

TRACKED_ADDRESSES = 10_000


class RegistrationLimiter:
    """A bucket of registrations per address. The table is bounded: full buckets go first, then the oldest."""

    def __init__(self) -> None:
        self._buckets: dict[str, TokenBucket] = {}

    def wait_s(self, address: str, per_minute: int, now_s: float) -> float:
        """Counts one registration in and returns 0, or returns the seconds until one more is allowed."""
        network = network_of(address)
        bucket = self._buckets.get(network)
        if bucket is None:
            if len(self._buckets) >= TRACKED_ADDRESSES:
                self._make_room(now_s)
            bucket = self._buckets[network] = TokenBucket.full(per_minute, now_s)
        wait_s = bucket.wait_s(now_s)
        if wait_s == 0.0:
            bucket.take()
        return wait_s

    def _make_room(self, now_s: float) -> None:
        full = [name for name, bucket in self._buckets.items() if bucket.is_full(now_s)]
        for name in full or list(self._buckets)[: TRACKED_ADDRESSES // 10]:
            del self._buckets[name]
