"""When another node may be tried: only what did not run, everything else once and from a budget."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

MAX_REFUSALS = 8
"""Refused connections that one request may meet beyond its tries."""


class Attempt(StrEnum):
    """How one attempt failed, as far as retrying is concerned."""

    NOT_SENT = "not_sent"
    """Connection refused, reset while connecting, or DNS: the request never left."""
    DECLINED = "declined"
    """503 or 504: the node says that it did not do it."""
    BUSY = "busy"
    """429: the node has no room now."""
    MAYBE_EXECUTED = "maybe_executed"
    """500, 502, or closed or silent before the first content: it may have run."""


@dataclass(frozen=True, slots=True)
class RetryRules:
    """attempts: all tries of one request, the first included.  Budget: percent of the requests of the window."""

    attempts: int = 3
    budget_percent: float = 20.0
    budget_minimum: int = 3
    budget_window_s: float = 10.0


class RetryBudget:
    """Retries as a share of recent requests, so that failing nodes are not buried under repeated work.

    Source: Finagle's and Envoy's retry budgets. O(1) amortised.
    """

    __slots__ = ("_requests", "_retries", "_rules", "_spent", "_total")

    def __init__(self, rules: RetryRules) -> None:
        self._rules = rules
        self._requests: deque[list[int]] = deque()
        self._retries: deque[list[int]] = deque()
        self._total = 0
        self._spent = 0

    def arrived(self, now_s: float) -> None:
        """A client's request arrived."""
        second = int(now_s)
        if self._requests and self._requests[-1][0] == second:
            self._requests[-1][1] += 1
        else:
            self._requests.append([second, 1])
            self._total -= self._forget(self._requests, second)
        self._total += 1

    def withdraw(self, now_s: float) -> bool:
        """Take one retry from the budget; False when it is spent."""
        second = int(now_s)
        self._total -= self._forget(self._requests, second)
        self._spent -= self._forget(self._retries, second)
        allowance = max(self._rules.budget_minimum, self._total * self._rules.budget_percent / 100)
        if self._spent >= allowance:
            return False
        if self._retries and self._retries[-1][0] == second:
            self._retries[-1][1] += 1
        else:
            self._retries.append([second, 1])
        self._spent += 1
        return True

    def _forget(self, seconds: deque[list[int]], now: int) -> int:
        forgotten = 0
        while seconds and seconds[0][0] <= now - self._rules.budget_window_s:
            forgotten += seconds.popleft()[1]
        return forgotten


def may_retry(rules: RetryRules, failed: tuple[Attempt, ...]) -> bool:
    """Whether the rules allow one more attempt after these; the budget has its own say.

    A refused connection costs nothing, so it does not count as a try; a fleet in which everybody refuses is still not
    walked to its end. At most one retry follows an attempt that may have executed, so a request that kills nodes
    takes two of them at most.
    """
    tries = sum(attempt is not Attempt.NOT_SENT for attempt in failed)
    if tries >= rules.attempts or len(failed) >= rules.attempts + MAX_REFUSALS:
        return False
    return sum(attempt is Attempt.MAYBE_EXECUTED for attempt in failed) <= 1
