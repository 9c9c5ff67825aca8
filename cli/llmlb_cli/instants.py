"""Instants as people give them."""

from __future__ import annotations

from datetime import datetime

from llmlb.clock import rfc3339, unix_s
from llmlb_cli.exits import Failure, usage

_UNITS_S = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MAX_AHEAD_S = 100 * 366 * 86_400


def expiry(text: str, *, now_unix_s: float | None = None) -> str:
    """``30d``, ``12h`` or an RFC 3339 instant, as RFC 3339 in UTC.

    Raises Failure for what is neither, without a time zone, or not in the future.
    """
    now = unix_s() if now_unix_s is None else now_unix_s
    number, unit = text[:-1], text[-1:].lower()
    if number.isdecimal() and number.isascii() and len(number) <= 9 and unit in _UNITS_S:
        at = now + int(number) * _UNITS_S[unit]
    else:
        at = _instant(text)
    if not now < at < now + _MAX_AHEAD_S:
        raise usage(f"{text} is not in the future, or too far in it", hint="give for example 30d")
    return rfc3339(at)


def _instant(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _unreadable(text) from None
    if at.tzinfo is None:
        raise usage(f"{text} has no time zone", hint=f"give {at.isoformat()}Z for UTC")
    return at.timestamp()


def _unreadable(text: str) -> Failure:
    return usage(f'"{text}" is neither a time from now nor an instant', hint="give 30d, 12h or 2027-01-31T00:00:00Z")
