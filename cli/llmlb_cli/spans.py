"""Lengths of time as people give them, and instants that lie so far back."""

from __future__ import annotations

from datetime import datetime

from llmlb.clock import unix_s
from llmlb_cli.exits import usage

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def span_s(text: str) -> int:
    """``90s``, ``15m``, ``2h``, ``1d`` or ``0`` in seconds. Raises Failure for anything else."""
    number, unit = (text[:-1], text[-1:].lower()) if text[-1:].isalpha() else (text, "")
    is_number = number.isascii() and number.isdecimal() and len(number) <= 9
    if not is_number or (unit not in _UNITS_S if unit else int(number) != 0):
        raise usage(f'"{text}" is no length of time', hint="give 90s, 15m, 2h or 1d")
    return int(number) * _UNITS_S.get(unit, 1)


def since_unix_s(text: str, *, now_unix_s: float | None = None) -> float:
    """``1h`` ago, or an RFC 3339 instant, in seconds since 1970. Raises Failure for what is neither."""
    now = unix_s() if now_unix_s is None else now_unix_s
    if text[-1:].lower() in _UNITS_S and text[:-1].isdecimal():
        return now - span_s(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        hint = "give 1h, 2d or 2026-01-31T00:00:00Z"
        raise usage(f'"{text}" is neither a time ago nor an instant', hint=hint) from None
    if at.tzinfo is None:
        raise usage(f"{text} has no time zone", hint=f"give {at.isoformat()}Z for UTC")
    return at.timestamp()
