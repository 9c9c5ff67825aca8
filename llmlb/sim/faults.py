"""Faults on command: what goes wrong, and for which requests.

Written as ``kind[:argument][@condition]...``, for instance ``status:503@2`` (the next two requests get 503) or
``die_mid_stream:5@p=0.1`` (one stream in ten breaks after five events).
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from llmlb.errors import ConfigurationError


class FaultKind(StrEnum):
    """What goes wrong. "After k events": after k content events of a stream; for an answer in one piece, half
    of its body is sent."""

    REFUSE = "refuse"
    """New connections are refused and idle ones closed, for the argument's time or until the fault is lifted."""
    HANG = "hang"
    """The request is read and never answered."""
    SLOW_HEAD = "slow_head"
    """The answer begins later by the argument."""
    STATUS = "status"
    """An error answer: 500, 502, 503, 504 or 429, the latter with Retry-After."""
    DIE_BEFORE_BYTE = "die_before_byte"
    """The connection closes before the first byte of the answer."""
    DIE_MID_STREAM = "die_mid_stream"
    """The connection closes after k events, inside the chunked body."""
    RST = "rst"
    """The connection is reset after k events."""
    CLEAN_EOF_MID = "clean_eof_mid"
    """After k events the body ends as if it were complete, without a finish reason or ``[DONE]``."""
    ERROR_EVENT = "error_event"
    """After k events an error event and ``[DONE]`` follow, under status 200."""
    ABORT_FINISH = "abort_finish"
    """After k events the answer ends politely with finish reason ``abort``."""
    GARBAGE = "garbage"
    """The answer is not HTTP."""
    HUGE_HEADER = "huge_header"
    """The answer's head has a field of as many bytes as the argument says."""
    WRONG_LENGTH = "wrong_length"
    """Content-Length promises more bytes than come, by the argument."""
    STALL = "stall"
    """After k events nothing follows, and the connection stays open."""
    EXIT = "exit"
    """The process dies after k events: every connection breaks."""


_SECONDS_DEFAULTS = {FaultKind.REFUSE: 0.0, FaultKind.SLOW_HEAD: 2.0}
_COUNT_DEFAULTS = {
    FaultKind.DIE_MID_STREAM: 1,
    FaultKind.RST: 0,
    FaultKind.CLEAN_EOF_MID: 1,
    FaultKind.ERROR_EVENT: 1,
    FaultKind.ABORT_FINISH: 1,
    FaultKind.STALL: 1,
    FaultKind.EXIT: 0,
    FaultKind.HUGE_HEADER: 131_072,
    FaultKind.WRONG_LENGTH: 10,
}
_STATUSES = (429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned fault. A request must meet every condition that is set.

    count: events before the fault, or bytes for huge_header and wrong_length.  duration_s: for refuse (0: until
    lifted) and slow_head.  limit: only the first so many matching requests; 0 means all.  after_s: seconds since
    the fault was set.  path: prefix of the request path; without it only ``POST /v1/...`` is meant.
    """

    kind: FaultKind
    count: int = 0
    duration_s: float = 0.0
    status: int = 503
    retry_after_s: int = 1
    limit: int = 0
    probability: float = 1.0
    after_s: float = 0.0
    model: str = ""
    text: str = ""
    path: str = ""
    spec: str = ""

    def __str__(self) -> str:
        return self.spec or self.kind.value


@dataclass(frozen=True, slots=True)
class Subject:
    """What a fault's conditions look at: one request."""

    path: str
    is_inference: bool
    model: str
    body: bytes


class FaultPlan:
    """The faults in force and how often each has struck. The first that matches a request wins."""

    def __init__(self, faults: Iterable[Fault], *, now_s: float, rng: random.Random) -> None:
        self._armed = [_ArmedFault(fault, set_at_s=now_s) for fault in faults]
        self._rng = rng

    @property
    def faults(self) -> tuple[Fault, ...]:
        return tuple(armed.fault for armed in self._armed)

    def choose(self, subject: Subject, now_s: float) -> Fault | None:
        """The fault that this request meets, and counts it."""
        for armed in self._armed:
            if armed.matches(subject, now_s) and self._rng.random() < armed.fault.probability:
                armed.struck += 1
                return armed.fault
        return None


@dataclass(slots=True)
class _ArmedFault:
    fault: Fault
    set_at_s: float
    struck: int = 0

    def matches(self, subject: Subject, now_s: float) -> bool:
        fault = self.fault
        if fault.kind is FaultKind.REFUSE or (fault.limit and self.struck >= fault.limit):
            return False
        if now_s - self.set_at_s < fault.after_s:
            return False
        is_meant = subject.path.startswith(fault.path) if fault.path else subject.is_inference
        return (
            is_meant
            and (not fault.model or fault.model == subject.model)
            and (not fault.text or fault.text.encode() in subject.body)
        )


def parse_fault(spec: str) -> Fault:
    """Reads ``kind[:argument][@condition]...``. Raises ConfigurationError that names what is wrong."""
    head, *conditions = spec.strip().split("@")
    name, _, argument = head.partition(":")
    try:
        kind = FaultKind(name)
    except ValueError:
        known = ", ".join(FaultKind)
        raise ConfigurationError(f"There is no fault {name!r} in {spec!r}. Known: {known}.") from None
    try:
        fields = _argument_fields(kind, argument)
        for condition in conditions:
            fields.update(_condition_fields(condition))
    except ValueError as error:
        raise ConfigurationError(f"The fault {spec!r} cannot be read: {error}.") from None
    if kind is FaultKind.REFUSE and fields.keys() - {"duration_s", "after_s"}:
        raise ConfigurationError(f"The fault {spec!r} cannot be read: refuse knows no condition but @after.")
    return Fault(kind=kind, spec=spec.strip(), **fields)  # type: ignore[arg-type] # names and types agree below


def parse_duration_s(text: str) -> float:
    """Seconds from ``10s``, ``500ms`` or ``10``. Raises ValueError."""
    unit, scale = ("ms", 0.001) if text.endswith("ms") else ("s", 1.0)
    try:
        duration_s = float(text.removesuffix(unit)) * scale
    except ValueError:
        raise ValueError(f"{text!r} is not a time such as 10s or 500ms") from None
    if not 0 <= duration_s < 1e9:
        raise ValueError(f"{text!r} is not a time of 0 s or more")
    return duration_s


Fields = dict[str, int | float | str]


def _argument_fields(kind: FaultKind, argument: str) -> Fields:
    if kind is FaultKind.STATUS:
        return _status_fields(argument)
    if kind in _SECONDS_DEFAULTS:
        return {"duration_s": parse_duration_s(argument) if argument else _SECONDS_DEFAULTS[kind]}
    if kind in _COUNT_DEFAULTS:
        return {"count": _whole_number(argument) if argument else _COUNT_DEFAULTS[kind]}
    if argument:
        raise ValueError(f"{kind} takes no argument")
    return {}


def _status_fields(argument: str) -> Fields:
    code, _, retry_after = argument.partition(":")
    status = _whole_number(code or "503")
    if status not in _STATUSES:
        raise ValueError(f"the status is one of {', '.join(map(str, _STATUSES))}")
    return {"status": status, "retry_after_s": _whole_number(retry_after or "1")}


def _condition_fields(condition: str) -> Fields:
    name, _, value = condition.partition("=")
    match name:
        case "p":
            probability = float(value)
            if not 0 <= probability <= 1:
                raise ValueError("p is a probability from 0 to 1")
            return {"probability": probability}
        case "after":
            return {"after_s": parse_duration_s(value)}
        case "model" | "text" | "path" if value:
            return {name: value}
        case _ if name.isdecimal() and int(name) > 0:
            return {"limit": int(name)}
    raise ValueError(f"{condition!r} is not a condition: @N, @p=, @after=, @model=, @text= or @path=")


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)
