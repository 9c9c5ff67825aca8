"""Settings that hold for some names: of models, of API keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Generic, TypeVar

V = TypeVar("V")


class ByName(Generic[V]):
    """Values by name, in which a ``*`` stands for anything. The most specific name wins."""

    def __init__(self, rows: Mapping[str, V]) -> None:
        # A name before any pattern, and a pattern that spells out more before one that does less.
        ordered = sorted(rows.items(), key=lambda row: ("*" in row[0], -len(row[0].replace("*", "")), row[0]))
        self._rules = [(_pattern(name), value) for name, value in ordered]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._rules)

    def find(self, name: str) -> V | None:
        return next((value for pattern, value in self._rules if pattern.fullmatch(name)), None)


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split("*"))), re.DOTALL)
