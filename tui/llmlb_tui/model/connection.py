"""How the console stands towards its router: a small state machine over what the source reports."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

SLOW_AFTER_S = 2.5
"""The router sums up once a second; two missing summaries are noticed."""
STALE_AFTER_S = 8.0


class Standing(StrEnum):
    """What the title shows."""

    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    SLOW = "SLOW"
    STALE = "STALE"
    UNREACHABLE = "UNREACHABLE"
    EXPIRED = "SESSION EXPIRED"
    FORBIDDEN = "FORBIDDEN"
    PAUSED = "PAUSED"


@dataclass(slots=True)
class Connection:
    """Facts about the connection; all instants monotonic seconds. heard_at_s: when data last came, None before.

    failed_at_s: since when the router is away, None while it is not.  attempt: tries so far.
    retry_at_s: when the next one begins.  cause: why the last one failed.
    polls: the feed says nothing, the lists are asked for.
    """

    heard_at_s: float | None = None
    failed_at_s: float | None = None
    attempt: int = 0
    retry_at_s: float = 0.0
    cause: str = ""
    is_expired: bool = False
    is_forbidden: bool = False
    polls: bool = False
    interval_s: float = 1.0

    def heard(self, now_s: float) -> float | None:
        """Data came. Answers how long it had been away, None if it had not."""
        away_s = None if self.failed_at_s is None or self.heard_at_s is None else now_s - self.failed_at_s
        self.heard_at_s = now_s
        self.failed_at_s = None
        self.attempt = 0
        self.cause = ""
        self.is_expired = self.is_forbidden = False
        return away_s

    def failed(self, now_s: float, cause: str, *, retry_in_s: float) -> None:
        """The router is away, and will be tried again."""
        if self.failed_at_s is None:
            self.failed_at_s = now_s
        self.attempt += 1
        self.cause = cause
        self.retry_at_s = now_s + retry_in_s

    def refused(self, now_s: float, cause: str, *, expired: bool) -> None:
        """The router answers, but not to this credential."""
        if self.failed_at_s is None:
            self.failed_at_s = now_s
        self.cause = cause
        self.is_expired, self.is_forbidden = expired, not expired

    def standing(self, now_s: float) -> Standing:
        if self.is_expired:
            return Standing.EXPIRED
        if self.is_forbidden:
            return Standing.FORBIDDEN
        if self.failed_at_s is not None:
            return Standing.UNREACHABLE
        if self.heard_at_s is None:
            return Standing.CONNECTING
        slack_s = self.interval_s if self.polls else 0.0
        age_s = now_s - self.heard_at_s
        if age_s > STALE_AFTER_S + slack_s:
            return Standing.STALE
        return Standing.SLOW if age_s > SLOW_AFTER_S + slack_s else Standing.LIVE

    def age_s(self, now_s: float) -> float | None:
        """How old the data is."""
        return None if self.heard_at_s is None else max(0.0, now_s - self.heard_at_s)

    def away_s(self, now_s: float) -> float:
        return 0.0 if self.failed_at_s is None else max(0.0, now_s - self.failed_at_s)

    def retry_in_s(self, now_s: float) -> float:
        return max(0.0, self.retry_at_s - now_s)

    def why_not(self, now_s: float) -> str:
        """Why nothing can be changed now; "" when it can."""
        match self.standing(now_s):
            case Standing.LIVE | Standing.SLOW | Standing.PAUSED:
                return ""
            case Standing.CONNECTING:
                return "not connected yet"
            case Standing.STALE:
                return f"the data is {self.age_s(now_s) or 0.0:.0f} s old; wait until it is live again"
            case Standing.UNREACHABLE:
                return f"the router is unreachable ({self.cause}); r tries again now"
            case Standing.EXPIRED:
                return "the session has expired; log in first (r)"
            case Standing.FORBIDDEN:
                return f"the router refuses this credential ({self.cause})"


_UNREACHABLE = re.compile(r"cannot reach the router at \S+ \((.+)\)\.?")


def short_cause(message: str) -> str:
    """The cause alone, without its full stop: the title names the router already."""
    found = _UNREACHABLE.fullmatch(message.strip())
    return (found[1] if found else message.strip()).rstrip(".")
