"""Figures as people read them, for tables only; machines get the raw values."""

from __future__ import annotations

ABSENT = "-"


def percent(value: object) -> str:
    """45.5 → ``46%``."""
    return f"{value:.0f}%" if isinstance(value, int | float) else ABSENT


def degrees(value: object) -> str:
    """65.0 → ``65C``."""
    return f"{value:.0f}C" if isinstance(value, int | float) else ABSENT


def count(value: object) -> str:
    """1234567 → ``1.23M``; below ten thousand every digit is shown."""
    if not isinstance(value, int | float):
        return ABSENT
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= max(size, 1e4):
            return f"{value / size:.3g}{suffix}" if abs(value) < 999.5 * size else f"{value / size:.0f}{suffix}"
    return f"{value:g}"


def size(value: object) -> str:
    """Bytes as ``512 B``, ``1.2 GB``; powers of 1000, as disks are sold."""
    if not isinstance(value, int | float):
        return ABSENT
    for unit, suffix in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(value) >= 0.9995 * unit:
            return f"{value / unit:.3g} {suffix}"
    return f"{value:.0f} B"


def milliseconds(value: object) -> str:
    """830.4 → ``830ms``, 12345 → ``12.3s``."""
    if not isinstance(value, int | float):
        return ABSENT
    if value < 999.5:
        return f"{value:.0f}ms"
    return f"{value / 1000:.2f}s" if value < 9_995 else duration(value / 1000, digits=1)


def duration(value: object, *, digits: int = 0) -> str:
    """Seconds in at most two units: ``9s``, ``4m05s``, ``3h07m``, ``12d04h``."""
    if not isinstance(value, int | float):
        return ABSENT
    if value < 60:
        return f"{max(0.0, value):.{digits}f}s"
    whole = int(value)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole // 60 % 60:02}m"
    return f"{whole // 86_400}d{whole // 3600 % 24:02}h"


def listed(value: object) -> str:
    """A list as ``a,b``; nothing as ``-``."""
    if isinstance(value, list | tuple):
        return ",".join(plain(each) for each in value) or ABSENT
    return plain(value)


def plain(value: object) -> str:
    """Any value in one word or line; absent and empty ones as ``-``."""
    match value:
        case None | "":
            return ABSENT
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case list() | tuple():
            return listed(value)
        case dict():
            return ",".join(f"{name}={plain(each)}" for name, each in value.items()) or ABSENT
        case _:
            return str(value)


def instant(value: object) -> str:
    """An RFC 3339 instant without its T and Z, which tables do not need."""
    return value.replace("T", " ").removesuffix("Z") if isinstance(value, str) and value else ABSENT
