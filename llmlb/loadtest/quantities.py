"""How people write durations, shares, counts and ranges on a command line."""

from __future__ import annotations

import math
import re

from llmlb.errors import ConfigurationError

_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(us|µs|ms|s|m|h)?")
_UNIT_S = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration_s(text: str, *, what: str = "the duration", bare_unit: str = "") -> float:
    """``500ms``, ``2s``, ``1m`` in seconds. bare_unit: the unit of a number without one; empty refuses it."""
    match = _DURATION.fullmatch(text.strip())
    unit = (match[2] or bare_unit) if match else ""
    if match is None or not unit:
        raise ConfigurationError(f"{what} {text!r} is no duration; write 500ms, 2s or 1m")
    return float(match[1]) * _UNIT_S[unit]


def share(text: str, *, what: str = "the share") -> float:
    """``60%`` or ``0.6`` as 0..1."""
    stripped = text.strip()
    value = number(stripped.removesuffix("%"), what=what) / (100 if stripped.endswith("%") else 1)
    if not 0 <= value <= 1:
        raise ConfigurationError(f"{what} {text!r} must lie between 0% and 100%")
    return value


def number(text: str, *, what: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        raise ConfigurationError(f"{what} {text!r} is no number") from None
    if not math.isfinite(value):
        raise ConfigurationError(f"{what} {text!r} is no finite number")
    return value


def length(text: str) -> tuple[int, float]:
    """``512``, ``512±64`` or ``512+-64``: mean and standard deviation, in tokens."""
    mean, _, spread = text.replace("+-", "±").partition("±")
    value = number(mean, what="the length"), number(spread or "0", what="the length's spread")
    if not 1 <= value[0] <= 1 << 20 or not 0 <= value[1] <= 1 << 20:
        raise ConfigurationError(f"the length {text!r} must be 1 to 1048576 tokens")
    return round(value[0]), value[1]


def steps(text: str) -> tuple[int, ...]:
    """``1..16x2`` is 1 2 4 8 16, ``4..20+8`` is 4 12 20, ``1,3,9`` is itself. At most 64 steps, ascending."""
    match = re.fullmatch(r"(\d+)\.\.(\d+)(?:([x+])(\d+))?", text.strip())
    if match is None:
        if not re.fullmatch(r"\d+(,\d+)*", text.strip()):
            raise ConfigurationError(f"{text!r} is no range of steps; write 1..16x2, 4..20+8 or 1,2,4")
        found = tuple(int(part) for part in text.split(","))
    else:
        found = _progression(int(match[1]), int(match[2]), match[3] or "x", int(match[4] or 2))
    if not found or len(found) > 64 or found[0] < 1 or found[-1] > 10_000:
        raise ConfigurationError(f"{text!r} must be 1 to 64 steps of 1 to 10000 users")
    return found


def _progression(first: int, last: int, kind: str, by: int) -> tuple[int, ...]:
    if first < 1 or by < (2 if kind == "x" else 1):
        raise ConfigurationError("a sweep starts at 1 or more and grows by x2 or +1 at least")
    found: list[int] = []
    value = first
    while value <= last and len(found) <= 64:
        found.append(value)
        value = value * by if kind == "x" else value + by
    return tuple(found)
