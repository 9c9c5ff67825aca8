"""A load test as its process tells it, a JSON object a line."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from llmlb.errors import ConfigurationError
from llmlb_tui.model.reading import Fields, count, fields, names, number, rows
from llmlb_tui.model.text import clean

REMEMBERED = 60


class Wanted(NamedTuple):
    """The next load test. rate: requests a second in an open loop, "" for a closed loop.  slo: ``ttft=2s,e2e=10s``.

    duration: how long, ``60s``, "" until all requests are sent.  gates: when it fails, words like ``p90_ttft>500ms``.
    baseline: the saved run to compare it with.
    """

    requests: str = "30"
    duration: str = ""
    at_once: str = ""
    rate: str = ""
    model: str = ""
    max_tokens: str = "64"
    slo: str = ""
    gates: str = ""
    baseline: str = ""

    def arguments(self) -> list[str]:
        """The words behind ``llmlb loadtest``."""
        options = (
            ("-n", self.requests),
            ("-d", self.duration),
            ("-c", self.at_once),
            ("-r", self.rate),
            ("-m", self.model),
            ("--max-tokens", self.max_tokens),
            ("--slo", self.slo),
            *(("--fail-if", gate) for gate in self.gates.split()),
            ("--baseline", self.baseline),
        )
        # One word each, so that no value can pass for an option.
        return [f"{name}{value}" if len(name) == 2 else f"{name}={value}" for name, value in options if value]

    def problem(self) -> str:
        """What is wrong with it, "" for nothing."""
        for name, text in (("requests", self.requests), ("at once", self.at_once), ("tokens", self.max_tokens)):
            if text and not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000):
                return f"{name}: {text!r} is no number from 1 on"
        if not self.requests and not self.duration:
            return "requests: how many? Or a duration, like 60s"
        # The load test's own grammar, which the console does not need before somebody edits one.
        from llmlb.loadtest.gates import parse_gate
        from llmlb.loadtest.quantities import duration_s

        try:
            if self.duration:
                duration_s(self.duration, what="duration:")
            for gate in self.gates.split():
                if fault := parse_gate(gate).fault:
                    return f"gate {gate}: {fault}"
        except ConfigurationError as error:
            return error.message
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


class GateState(NamedTuple):
    """One gate. passed: None while too little is known.  measured: in seconds, as a share of 1, or a plain number.

    unit: ``s``, ``share`` or ``number``.  note: why it failed.
    """

    text: str
    passed: bool | None = None
    measured: float | None = None
    unit: str = ""
    note: str = ""


class Compared(NamedTuple):
    """A figure before and now, in milliseconds; ``errors`` as shares of 1. change: 0.1 is 10 % more, None for none."""

    name: str
    before: float | None
    after: float | None
    change: float | None
    verdict: str


class Comparison(NamedTuple):
    """This run against a saved one. baseline: its name.  unlike: the settings in which they differ."""

    baseline: str
    unlike: tuple[str, ...]
    times: tuple[Compared, ...]
    errors: Compared


@dataclass(slots=True)
class LoadTest:
    """The newest state of one run. router: which one it runs against.  said: the last lines of its process's stderr."""

    wanted: Wanted = DEFAULT
    router: str = ""
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
    gates: tuple[GateState, ...] = ()
    comparison: Comparison | None = None
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
    def document(self) -> dict[str, object]:
        """The result as ``llmlb loadtest --save`` keeps it."""
        return {name: value for name, value in self.result.items() if name != "type"}

    @property
    def run_id(self) -> str:
        """The finished run's own name."""
        return clean(fields(self.result.get("meta")).get("run_id"), 64)

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
                self.gates = tuple(GateState(text) for text in names(told.get("gates")))
            case "progress":
                self._progress(told)
            case "gates":
                self.gates = tuple(_standing(row) for row in rows(told.get("gates")))
            case "result":
                self.result = told
                self.gates = tuple(_gate(row) for row in rows(told.get("gates")))
            case "comparison":
                self.comparison = _comparison(told)
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


def _gate(row: Fields) -> GateState:
    return GateState(
        text=clean(row.get("gate")),
        passed=row.get("passed") is True,
        measured=number(row.get("measured")),
        unit=clean(row.get("unit")),
        note=clean(row.get("note")),
    )


def _standing(row: Fields) -> GateState:
    """A gate while the run goes on: one that nothing can be measured for yet has neither passed nor failed."""
    gate = _gate(row)
    return gate._replace(passed=None) if row.get("measured") is None else gate


def _comparison(told: Fields) -> Comparison:
    errors = fields(told.get("errors"))
    return Comparison(
        baseline=clean(told.get("before")),
        unlike=names(told.get("unlike")),
        times=tuple(
            Compared(
                f"p{number(row.get('percentile')) or 0.0:g} {clean(row.get('metric'), 16)}",
                number(row.get("before_ms")),
                number(row.get("after_ms")),
                number(row.get("change")),
                clean(row.get("verdict")),
            )
            for row in rows(told.get("rows"))
        ),
        errors=Compared(
            "errors", number(errors.get("before")), number(errors.get("after")), None, clean(errors.get("verdict"))
        ),
    )


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
