"""Everything one load test brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmlb.loadtest.capacity import Capacity
from llmlb.loadtest.honesty import Honesty
from llmlb.loadtest.pairing import Pairing
from llmlb.loadtest.plan import Plan
from llmlb.loadtest.record import Record
from llmlb.loadtest.results import Summary
from llmlb.loadtest.taxonomy import NEVER_CONNECTED
from llmlb.loadtest.timeline import Second
from llmlb.loadtest.verdicts import Verdict

EXIT_OK = 0
EXIT_UNREACHABLE = 3
EXIT_FAILURES = 9
EXIT_GATE = 10
EXIT_DISHONEST = 11
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Phase:
    """A stage, a sweep step or a tried rate, with its own figures."""

    name: str
    summary: Summary


@dataclass(frozen=True, slots=True)
class Result:
    """One load test, partial if it was interrupted.

    side_names: what to call the target and its
    opponents.  opponent: the figures of the other side of a comparison.  phases: empty for a run of one phase.
    """

    plan: Plan
    run_id: str
    target_url: str
    opponent_urls: tuple[str, ...]
    side_names: tuple[str, ...]
    model: str
    started_at_unix_s: float
    environment: Mapping[str, str | int]
    records: tuple[Record, ...] = field(repr=False)
    summary: Summary
    phases: tuple[Phase, ...]
    opponent: Summary | None
    pairing: Pairing | None
    capacity: Capacity | None
    honesty: Honesty
    verdicts: tuple[Verdict, ...]
    timeline: tuple[Second, ...] = field(repr=False)
    interrupted: bool
    notes: tuple[str, ...] = ()

    @property
    def never_connected(self) -> bool:
        """Whether not one request reached a server."""
        endings = self.summary.totals.endings
        return bool(endings) and all(ending in NEVER_CONNECTED for ending in endings)

    @property
    def exit_code(self) -> int:
        """The command's exit code; a failed gate outranks everything but an interruption."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        if any(not verdict.passed for verdict in self.verdicts):
            return EXIT_GATE
        if self.never_connected:
            return EXIT_UNREACHABLE
        if not self.honesty.is_honest:
            return EXIT_DISHONEST
        return EXIT_FAILURES if self.has_ungated_failures else EXIT_OK

    @property
    def has_ungated_failures(self) -> bool:
        """Failures that no gate was asked to judge; a search for the capacity is meant to meet some."""
        failed = self.summary.totals.failed + (self.opponent.totals.failed if self.opponent else 0)
        return bool(failed) and not self.plan.gates and self.capacity is None
