"""How long to wait before trying again."""

from __future__ import annotations

import random

FIRST_S = 0.5
CAP_S = 30.0


class Backoff:
    """Exponential backoff with full jitter: uniform in 0..ceiling, the ceiling doubling from 0.5 s to 30 s.

    Full jitter, so that a fleet that lost its router at one moment does not return at one moment.
    Source: Brooker, "Exponential Backoff and Jitter", 2015.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._ceiling_s = FIRST_S

    def next_s(self) -> float:
        """The next delay in seconds."""
        delay_s = self._rng.uniform(0.0, self._ceiling_s)
        self._ceiling_s = min(self._ceiling_s * 2, CAP_S)
        return delay_s

    def reset(self) -> None:
        """Start over, after a success."""
        self._ceiling_s = FIRST_S


def jittered(interval_s: float, rng: random.Random) -> float:
    """An interval +-10 %, so that nodes started together do not beat together."""
    return interval_s * rng.uniform(0.9, 1.1)
