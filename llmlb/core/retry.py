"""When another node may be tried: only what did not run, everything else once and from a budget."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

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
    """attempts: all tries of one request, the first included.  Budget: percent of the requests of the window.

    longest_rest_s: the most of a busy node's Retry-After that is obeyed.
    """

    attempts: int = 3
    budget_percent: float = 20.0
    budget_minimum: int = 3
    budget_window_s: float = 10.0
    longest_rest_s: float = 60.0


class _Mark(NamedTuple):
    at_s: float
    requests: int
    retries: int


class RetryBudget:
    """Retries as a share of recent requests, so that failing nodes are not buried under repeated work.

    requests: all that ever arrived; whoever takes one adds 1.  Source: Finagle's and Envoy's retry budgets.
    """

    __slots__ = ("_marks", "_retries", "_rules", "requests")

    def __init__(self, rules: RetryRules) -> None:
        self.requests = 0
        self._retries = 0
        self._rules = rules
        self._marks: deque[_Mark] = deque([_Mark(float("-inf"), 0, 0)])
        """What had been counted when, oldest first. The first is just older than the window."""

    def elapse(self, now_s: float) -> None:
        """Let time pass. Call it at least once a second: requests count for the window, and until the next call."""
        marks = self._marks
        marks.append(_Mark(now_s, self.requests, self._retries))
        while marks[1].at_s <= now_s - self._rules.budget_window_s:
            marks.popleft()

    def withdraw(self) -> bool:
        """Take one retry from the budget; False when it is spent."""
        before = self._marks[0]
        requests, retries = self.requests - before.requests, self._retries - before.retries
        if retries >= max(self._rules.budget_minimum, requests * self._rules.budget_percent / 100):
            return False
        self._retries += 1
        return True


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
