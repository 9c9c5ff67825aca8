"""The circuit of one node: who fails repeatedly rests, is probed once, and returns slowly.

    CLOSED ──5 failures in a row, or < 80 % of >= 20 in 10 s, or one refusal──▶ OPEN
    OPEN ──5 s x 2^n +-20 %, at most 120 s──▶ HALF_OPEN ──2 good probes──▶ CLOSED, 10 → 100 % of its share in 10 s
                                             HALF_OPEN ──a bad probe──▶ OPEN (n + 1)

A client hanging up is never recorded here: it is not the node's failure. Sources of the figures: Finagle's failure
accrual (5 in a row or < 80 %), linkerd (single probe), Envoy (slow start).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class CircuitState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """Durations in seconds, shares in percent."""

    consecutive_failures: int = 5
    success_percent: float = 80.0
    minimum_requests: int = 20
    window_s: float = 10.0
    base_s: float = 5.0
    cap_s: float = 120.0
    jitter_percent: float = 20.0
    probe_successes: int = 2
    slow_start_s: float = 10.0
    max_ejected_percent: float = 50.0


SLOW_START_FLOOR = 0.1

_CLOSED = CircuitState.CLOSED
"""Looking up a member of an enumeration takes longer than the comparison."""


@dataclass(slots=True, eq=False)
class Circuit:
    """State and evidence of one node. All instants are monotonic seconds."""

    state: CircuitState = CircuitState.CLOSED
    failures_in_row: int = 0
    ejections: int = 0
    open_until_s: float = 0.0
    was_refused: bool = False
    """It opened because the node's port turned us away."""
    probing: bool = False
    good_probes: int = 0
    closed_at_s: float = float("-inf")
    _window: list[list[int]] = field(default_factory=list)
    """Seconds, and what was good and bad in each; the last of them is ``_second``."""
    _second: int = -1

    def succeeded(self, rules: CircuitRules, now_s: float) -> bool:
        """Record an answer. True when this closes the circuit."""
        self.failures_in_row = 0
        if self.state is _CLOSED:
            # The row of ejections is forgotten once the node has carried its full share again.
            if self.ejections and now_s - self.closed_at_s > rules.slow_start_s:
                self.ejections = 0
            second = int(now_s)
            if second == self._second:
                self._window[-1][1] += 1
            else:
                self._count(second, good=1, bad=0, window_s=rules.window_s)
            return False
        self.probing = False
        if self.state is CircuitState.OPEN:
            return False
        self.good_probes += 1
        if self.good_probes < rules.probe_successes:
            return False
        self.state = CircuitState.CLOSED
        self.closed_at_s = now_s
        self._window.clear()
        self._second = -1
        return True

    def failed(self, rules: CircuitRules, *, now_s: float, refused: bool, chance: float) -> bool:
        """Record a failure. True when this opens the circuit.

        refused: the node's port turned us away, which needs no second opinion.  chance: uniform in [0, 1), for the
        jitter that keeps routers from probing in step.
        """
        self.probing = False
        self.failures_in_row += 1
        if self.state is CircuitState.OPEN:
            return False
        if self.state is CircuitState.CLOSED:
            self._count(int(now_s), good=0, bad=1, window_s=rules.window_s)
            if not (refused or self.failures_in_row >= rules.consecutive_failures or self._is_failing(rules)):
                return False
        spread = rules.jitter_percent / 100 * (2 * chance - 1)
        rest_s = min(rules.cap_s, rules.base_s * 2**self.ejections) * (1 + spread)
        self.ejections = min(self.ejections + 1, 16)
        self.state = CircuitState.OPEN
        self.was_refused = refused
        self.open_until_s = now_s + rest_s
        self.good_probes = 0
        return True

    def elapse(self, now_s: float) -> bool:
        """Let time pass. True when the rest is over and one probe may go."""
        if self.state is not CircuitState.OPEN or now_s < self.open_until_s:
            return False
        self.state = CircuitState.HALF_OPEN
        self.probing = False
        self.good_probes = 0
        return True

    def answered_probe(self) -> bool:
        """The engine answered a health probe of ours. True when this half-opens the circuit.

        A port that turned us away is open again, so there is no need to rest longer. Of an engine that answered with
        errors it says nothing: those answer probes all the time.
        """
        if self.state is not CircuitState.OPEN or not self.was_refused:
            return False
        self.state = CircuitState.HALF_OPEN
        self.probing = False
        self.good_probes = 0
        return True

    def share(self, rules: CircuitRules, now_s: float) -> float:
        """The part of its normal share that the node should get: 0.1 right after closing, rising to 1."""
        age_s = now_s - self.closed_at_s
        if age_s >= rules.slow_start_s:
            return 1.0
        return max(SLOW_START_FLOOR, age_s / rules.slow_start_s)

    def _count(self, second: int, *, good: int, bad: int, window_s: float) -> None:
        window = self._window
        if second == self._second:
            latest = window[-1]
            latest[1] += good
            latest[2] += bad
            return
        self._second = second
        window.append([second, good, bad])
        while window[0][0] < second - window_s:
            window.pop(0)

    def _is_failing(self, rules: CircuitRules) -> bool:
        good = sum(entry[1] for entry in self._window)
        total = good + sum(entry[2] for entry in self._window)
        return total >= rules.minimum_requests and good * 100 < rules.success_percent * total
