"""The grammar of ``--fail-if``: ``[node:NAME.|reason:NAME.|tenant:NAME.][AGG_]METRIC OP VALUE[unit]``.

A gate says when the run fails. One that cannot be evaluated (an unknown metric, too few samples) fails too: a
mistyped name must never pass silently.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from llmlb.errors import ConfigurationError
from llmlb.loadtest.quantities import duration_s, number


class Scope(StrEnum):
    """Which requests a gate looks at."""

    ALL = "all"
    NODE = "node"
    REASON = "reason"
    TENANT = "tenant"


class Unit(StrEnum):
    """What a metric's value is measured in."""

    SECONDS = "s"
    SHARE = "share"
    NUMBER = "number"


TIMES = ("ttft", "ttft_service", "tthb", "ttfo", "tpot", "itl", "stall", "e2e", "e2e_service", "overhead", "queue")
"""Metrics that need an aggregate: times of requests."""

SCALARS: dict[str, Unit] = {
    "errors": Unit.NUMBER,
    "error_rate": Unit.SHARE,
    "goodput": Unit.NUMBER,
    "goodput_rate": Unit.SHARE,
    "rps": Unit.NUMBER,
    "tok_s": Unit.NUMBER,
    "imbalance": Unit.NUMBER,
    "jain": Unit.NUMBER,
    "tenant_jain": Unit.NUMBER,
    "retries": Unit.NUMBER,
    "failovers": Unit.NUMBER,
    "lost": Unit.NUMBER,
    "broken": Unit.NUMBER,
    "hit_rate": Unit.SHARE,
    "affinity": Unit.SHARE,
    "lag": Unit.SECONDS,
}
"""Metrics that are one figure per run. goodput: good requests per second; goodput_rate: their share of all."""

AGGREGATES = ("p50", "p90", "p95", "p99", "p99.9", "max", "mean")

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_GATE = re.compile(
    r"(?:(?P<scope>node|reason|tenant):(?P<name>.+)\.)?"
    r"(?:(?P<aggregate>p\d+(?:\.\d+)?|max|mean|min)_)?(?P<metric>[A-Za-z_]\w*)"
    r"\s*(?P<operator>>=|<=|==|!=|>|<)\s*(?P<value>\S+)"
)


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition that fails the run. value: in seconds, as a share of 1, or a plain number."""

    text: str
    metric: str
    operator: str
    value: float
    aggregate: str = ""
    scope: Scope = Scope.ALL
    name: str = ""

    @property
    def unit(self) -> Unit | None:
        """None for an unknown metric."""
        if self.metric in TIMES:
            return Unit.SECONDS
        return SCALARS.get(self.metric)

    @property
    def fault(self) -> str:
        """Why the gate cannot be evaluated whatever the run brings; empty when it can."""
        if self.unit is None:
            return f"unknown metric {self.metric!r}{_suggestion(self.metric)}"
        if self.metric in TIMES and self.aggregate not in AGGREGATES:
            return f"{self.metric} needs one of {' '.join(AGGREGATES)}, like p90_{self.metric}"
        if self.metric in SCALARS and self.aggregate:
            return f"{self.metric} is one figure and takes no {self.aggregate}"
        return ""

    def trips(self, measured: float) -> bool:
        """Whether the condition holds, which fails the run."""
        return _OPERATORS[self.operator](measured, self.value)


def parse_gate(text: str) -> Gate:
    """Raises ConfigurationError where the text is no condition at all."""
    match = _GATE.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(f"--fail-if {text!r} is no condition; write p90_ttft>500ms or errors>0")
    metric = match["metric"]
    return Gate(
        text=text.strip(),
        metric=metric,
        operator=match["operator"],
        value=_value(match["value"], metric, text),
        aggregate=match["aggregate"] or "",
        scope=Scope(match["scope"] or "all"),
        name=match["name"] or "",
    )


def _value(text: str, metric: str, gate: str) -> float:
    unit = Unit.SECONDS if metric in TIMES else SCALARS.get(metric)
    what = f"in --fail-if {gate!r}, the value"
    if unit is Unit.SECONDS:
        return duration_s(text, what=what)
    if text.endswith("%"):
        return number(text[:-1], what=what) / 100
    if unit is None:
        # The metric is unknown, so the gate fails whatever its value; any readable value will do.
        return duration_s(text, what=what, bare_unit="s")
    return number(text, what=what)


def _suggestion(metric: str) -> str:
    close = difflib.get_close_matches(metric, [*TIMES, *SCALARS], n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join([*TIMES, *SCALARS])}"
