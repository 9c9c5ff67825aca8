"""Reading figures from a Prometheus text page. Source: the text exposition format 0.0.4."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator

from llmlb.agent.engines.reading import count

_SHARD = re.compile(r'\b(?:tp|pp)_rank="(?!0")')
"""Ranks of one model split over several GPUs all report the same requests; only rank 0 counts."""


def sample_values(text: str, name: str) -> Iterator[float]:
    """The finite values of every sample of metric ``name``, whatever its labels."""
    for line in text.splitlines():
        if not line.startswith(name):
            continue
        rest = line[len(name) :]
        labels, tail = "", rest
        if rest.startswith("{"):
            labels, _, tail = rest.rpartition("}")
        elif not rest.startswith((" ", "\t")):
            continue  # another metric whose name only begins like this one
        words = tail.split()
        value = _number(words[0]) if words else None
        if value is not None and not _SHARD.search(labels):
            yield value


def total_count(text: str, *names: str) -> int | None:
    """The sum over all label sets of the first of ``names`` that the page has, as a count."""
    total = _first(text, names, sum)
    return None if total is None else count(total)


def highest(text: str, *names: str) -> float | None:
    """The largest value over all label sets of the first of ``names`` that the page has."""
    return _first(text, names, max)


def _first(text: str, names: Iterable[str], combine: Callable[[list[float]], float]) -> float | None:
    for name in names:
        values = list(sample_values(text, name))
        if values:
            return combine(values)
    return None


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
