"""Values out of a router's JSON: whatever comes, the type that leaves is the one that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from llmlb_tui.model.text import clean

Fields = Mapping[str, object]

NO_FIELDS: Fields = {}
LARGEST = 1e18


def fields(value: object) -> Fields:
    """An object; an empty one for anything else."""
    return value if type(value) is dict else NO_FIELDS


def rows(value: object) -> list[Fields]:
    """The objects of a list; whatever else is in it is left out."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def number(value: object) -> float | None:
    """A finite number; None for anything else. True is no number."""
    # NaN compares with nothing, so it is no number either.
    if type(value) is float:
        return value if -LARGEST < value < LARGEST else None
    if type(value) is int:
        return float(value) if -LARGEST < value < LARGEST else None
    return None


def count(value: object) -> int:
    """A whole number from 0 on; 0 for anything else."""
    if type(value) is int:
        return value if 0 <= value < LARGEST else 0
    if type(value) is float:
        return int(value) if 0 <= value < LARGEST else 0
    return 0


def names(value: object, limit: int = 256) -> tuple[str, ...]:
    """The texts of a list, cleaned; empty ones and what is no text are left out."""
    if not isinstance(value, list):
        return ()
    return tuple(filter(None, [clean(name) for name in value[:limit]]))


def instant(value: object) -> float | None:
    """Seconds since 1970 of an RFC 3339 text or of a number; None for anything else."""
    if not isinstance(value, str):
        return number(value)
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError):
        return None
