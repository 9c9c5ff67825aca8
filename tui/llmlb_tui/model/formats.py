"""Figures in few characters: each fits the column it is made for, and says its unit."""

from __future__ import annotations

from datetime import UTC, datetime

from llmlb.clock import rfc3339

ABSENT = "-"


def percent(value: float | None) -> str:
    """``98%``"""
    return ABSENT if value is None else f"{value:.0f}%"


def degrees(value: float | None, sign: str = "°C") -> str:
    """``83°C``; from 100 on the unit is shortened, so that it fits four cells."""
    if value is None:
        return ABSENT
    text = f"{value:.0f}{sign}"
    return text if len(text) <= 4 else f"{value:.0f}{sign[:1]}"


def count(value: int | None, cells: int = 5) -> str:
    """``3,324`` or ``1.24M``: exact while it fits, then three digits and a suffix."""
    if value is None:
        return ABSENT
    plain = f"{value:,}"
    if len(plain) <= cells:
        return plain
    amount = float(value)
    suffix = ""
    for suffix in ("k", "M", "G", "T", "P"):  # noqa: B007  # it is wanted behind the loop
        amount /= 1000
        if amount < 999.5:
            break
    digits = 2 if amount < 9.995 else 1 if amount < 99.95 else 0
    return f"{amount:.{digits}f}{suffix}"


def duration_ms(value: float | None) -> str:
    """``866ms``, ``1.92s``, ``12.3s``, ``4m03``: at most five characters."""
    if value is None:
        return ABSENT
    if value < 999.5:
        return f"{value:.0f}ms"
    seconds = value / 1000
    if seconds < 9.995:
        return f"{seconds:.2f}s"
    if seconds < 99.95:
        return f"{seconds:.1f}s"
    if seconds < 999.5:
        return f"{seconds:.0f}s"
    return age(seconds)


def age(seconds: float | None) -> str:
    """``1s``, ``920s``, ``17m``, ``5h``, ``12d``: at most four characters."""
    if seconds is None:
        return ABSENT
    whole = int(seconds)
    if whole < 1000:
        return f"{whole}s"
    if whole < 6000:
        return f"{whole // 60}m"
    if whole < 360_000:
        return f"{whole // 3600}h"
    return f"{min(999, whole // 86_400)}d"


def span(seconds: float | None) -> str:
    """``3m``, ``4h37m``, ``12d3h``: two units, at most five characters."""
    if seconds is None:
        return ABSENT
    whole = int(seconds)
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{minutes}m"
    if not days:
        return _fitting(f"{hours}h{minutes:02d}m", f"{hours}h{minutes:02d}")
    return _fitting(f"{days}d{hours}h", f"{min(days, 9999)}d")


def _fitting(text: str, shorter: str) -> str:
    return text if len(text) <= 5 else shorter


def rate(value: float | None) -> str:
    """``1,284`` or ``0.4``: a figure per second."""
    if value is None:
        return ABSENT
    return f"{value:.1f}" if value < 9.95 else count(round(value), 6)


def clock_time(unix_s: float | None) -> str:
    """``12:04:31``, UTC."""
    if unix_s is None or not 0 <= unix_s < 253_402_300_799:
        return "--:--:--"
    return datetime.fromtimestamp(unix_s, UTC).strftime("%H:%M:%S")


def day_name(unix_s: float) -> str:
    """``Nov 20  ``, UTC: as wide as the time of a day."""
    if not 0 <= unix_s < 253_402_300_799:
        return "--:--:--"
    return f"{datetime.fromtimestamp(unix_s, UTC):%b %d}  "


def date_time(unix_s: float | None) -> str:
    """``2026-11-20 12:04:31Z``."""
    return instant_text(unix_s).replace("T", " ") or ABSENT


def instant_text(unix_s: float | None) -> str:
    """``2026-11-20T12:04:31Z``; "" for what is no date, whatever a router sends."""
    return "" if unix_s is None or not 0 <= unix_s < 253_402_300_799 else rfc3339(unix_s)
