"""Reading figures from a Prometheus text page. Source: the text exposition format 0.0.4."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator

from llmlb.agent.engines.reading import MAX_RATE, count

_SHARD = re.compile(r'\b(?:tp|pp)_rank="(?!0")')
"""Ranks of one model split over several GPUs all report the same requests; only rank 0 counts."""

SHORTEST_WORK_S = 0.2
FEWEST_TOKENS = 100.0
"""What an engine has done before its counters tell its speed: less is warm-up."""


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


def token_rate(text: str, tokens: str, seconds: str, *, less: str = "") -> float | None:
    """Tokens a second from two counters; None while they say too little. less: counts tokens that are not to count."""
    worked_s, told = _first(text, (seconds,), sum), _first(text, (tokens,), sum)
    if worked_s is None or told is None or worked_s < SHORTEST_WORK_S:
        return None
    counted = told - (_first(text, (less,), sum) or 0.0 if less else 0.0)
    return min(counted / worked_s, MAX_RATE) if counted >= FEWEST_TOKENS else None


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
