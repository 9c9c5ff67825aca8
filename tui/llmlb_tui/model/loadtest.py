"""A load test as its process tells it, a JSON object a line."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from llmlb_tui.model.reading import Fields, count, fields, number, rows
from llmlb_tui.model.text import clean

REMEMBERED = 60


class Wanted(NamedTuple):
    """The next load test. rate: requests a second in an open loop, "" for a closed loop.  slo: ``ttft=2s,e2e=10s``."""

    requests: str = "30"
    at_once: str = ""
    rate: str = ""
    model: str = ""
    max_tokens: str = "64"
    slo: str = ""

    def arguments(self) -> list[str]:
        """The words behind ``llmlb loadtest``."""
        options = (
            ("-n", self.requests),
            ("-c", self.at_once),
            ("-r", self.rate),
            ("-m", self.model),
            ("--max-tokens", self.max_tokens),
            ("--slo", self.slo),
        )
        # One word each, so that no value can pass for an option.
        return [f"{name}{value}" if len(name) == 2 else f"{name}={value}" for name, value in options if value]

    def problem(self) -> str:
        """What is wrong with it, "" for nothing."""
        for name, text in (("requests", self.requests), ("at once", self.at_once), ("tokens", self.max_tokens)):
            if text and not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000):
                return f"{name}: {text!r} is no number from 1 on"
        if not self.requests:
            return "requests: how many?"
        return ""


class Stage(StrEnum):
    """How far it is."""

    NONE = "not started"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"


class Quick(NamedTuple):
    """Percentiles in milliseconds; None while nothing was measured."""

    p50: float | None
    p90: float | None
    p99: float | None
    most: float | None


def _quick(value: object) -> Quick:
    given = fields(value)
    return Quick(*(number(given.get(name)) for name in ("p50", "p90", "p99", "max")))


NOTHING = Quick(None, None, None, None)
DEFAULT = Wanted()


class NodeShare(NamedTuple):
    """What one node did."""

    node_id: str
    requests: int
    failed: int
    ttft: Quick


@dataclass(slots=True)
class LoadTest:
    """The newest state of one run. said: what its process wrote to stderr, the last lines of it."""

    wanted: Wanted = DEFAULT
    stage: Stage = Stage.NONE
    load: str = ""
    elapsed_s: float = 0.0
    planned: int | None = None
    planned_s: float | None = None
    done: int = 0
    ok: int = 0
    failed: int = 0
    in_flight: int = 0
    retries: int = 0
    lag_ms: float | None = None
    ttft: Quick = NOTHING
    e2e: Quick = NOTHING
    endings: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    nodes: tuple[NodeShare, ...] = ()
    bars: tuple[tuple[float, float, int], ...] = ()
    ok_per_s: deque[float | None] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    tokens_per_s: deque[float | None] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    result: Fields = field(default_factory=dict)
    said: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    exit_code: int | None = None

    @property
    def is_running(self) -> bool:
        return self.stage in (Stage.STARTING, Stage.RUNNING, Stage.STOPPING)

    @property
    def verdict(self) -> str:
        """What the finished run says about itself."""
        return clean(fields(self.result.get("meta")).get("verdict"))

    @property
    def share_done(self) -> float:
        """0..1, by requests or by time."""
        if self.planned is not None and self.planned > 0:
            return min(1.0, self.done / self.planned)
        return min(1.0, max(0.0, self.elapsed_s / self.planned_s)) if self.planned_s and self.planned_s > 0 else 0.0

    def apply(self, value: object) -> None:
        """One line of the process; unknown ones are left alone."""
        told = fields(value)
        match told.get("type"):
            case "start":
                self.stage = Stage.RUNNING
                self.load = clean(told.get("load"))
            case "progress":
                self._progress(told)
            case "result":
                self.result = told
            case _:
                pass

    def ended(self, exit_code: int) -> None:
        """The process is over."""
        self.exit_code = exit_code
        self.stage = Stage.DONE if self.result else Stage.FAILED

    def _progress(self, told: Fields) -> None:
        planned = number(told.get("planned"))
        self.elapsed_s = number(told.get("elapsed_s")) or 0.0
        self.planned = None if planned is None else int(planned)
        self.planned_s = number(told.get("planned_s"))
        self.done, self.ok = count(told.get("done")), count(told.get("ok"))
        self.failed, self.in_flight = count(told.get("failed")), count(told.get("in_flight"))
        self.retries = count(told.get("retries"))
        self.lag_ms = number(told.get("lag_p99_ms"))
        self.ttft, self.e2e = _quick(told.get("ttft_ms")), _quick(told.get("e2e_ms"))
        self.ok_per_s.append(number(told.get("ok_per_s")))
        self.tokens_per_s.append(number(told.get("tokens_per_s")))
        self.endings = _counts(told.get("endings"))
        self.reasons = _counts(told.get("reasons"))
        self.nodes = tuple(
            NodeShare(
                clean(row.get("node")), count(row.get("requests")), count(row.get("failed")), _quick(row.get("ttft_ms"))
            )
            for row in rows(told.get("nodes"))
        )
        self.bars = _bars(told.get("ttft_bars"))


def _counts(value: object) -> dict[str, int]:
    return {clean(name): count(amount) for name, amount in fields(value).items()}


def _bars(value: object) -> tuple[tuple[float, float, int], ...]:
    found: list[tuple[float, float, int]] = []
    for bar in value if isinstance(value, list) else []:
        if isinstance(bar, list) and len(bar) == 3:
            low, high = number(bar[0]), number(bar[1])
            if low is not None and high is not None:
                found.append((low, high, count(bar[2])))
    return tuple(found)
