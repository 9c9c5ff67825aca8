"""What a probe learnt about an engine, and the strict reading of what engines answer.

An engine is whatever listens at a URL: nothing it says is believed without a type, a bound and a clean name.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

MAX_MODELS = 1_000
MAX_NAME_CHARS = 256
MAX_RATE = 1_000_000.0
"""Tokens a second; more than any one engine reads."""
MAX_COUNT = 1_000_000
"""More requests or slots than one engine can hold; a larger figure is noise."""

_MAX_CONTEXT_TOKENS = 1_000_000_000
_REMOVED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control, format (bidi marks among them), lone surrogates, line and paragraph separators."""


@dataclass(frozen=True, slots=True)
class EngineReading:
    """One look at an engine. None: the engine does not tell.

    running, queued: requests.  slots: requests it runs side by side.  kv_cache_usage: percent 0..100.
    prefill_rate, decode_rate: tokens a second, of one request, over the engine's life.  max_context: tokens.
    available_models include the loaded ones where the engine can load on demand.
    """

    engine: str
    version: str = ""
    loaded_models: tuple[str, ...] = ()
    available_models: tuple[str, ...] = ()
    running: int | None = None
    queued: int | None = None
    slots: int | None = None
    kv_cache_usage: float | None = None
    prefill_rate: float | None = None
    decode_rate: float | None = None
    max_context: int | None = None

    @property
    def active_requests(self) -> int | None:
        """Running and queued together, as far as the engine tells; None if it tells neither."""
        known = [count for count in (self.running, self.queued) if count is not None]
        return sum(known) if known else None


def clean_name(value: object) -> str:
    """A name that is safe to store and to show, "" if there is none or if it is too long to be one."""
    if not isinstance(value, str) or len(value) > MAX_NAME_CHARS:
        return ""
    kept = (character for character in value if unicodedata.category(character) not in _REMOVED_CATEGORIES)
    return "".join(kept).strip()


def clean_names(values: Iterable[object]) -> tuple[str, ...]:
    """The usable names in the order given, each once, at most MAX_MODELS."""
    names: dict[str, None] = {}
    for value in values:
        if name := clean_name(value):
            names[name] = None
        if len(names) == MAX_MODELS:
            break
    return tuple(names)


def rows(answer: object, field: str) -> Iterator[Mapping[str, object]]:
    """The objects of the list ``answer[field]``; nothing where the answer has another shape."""
    values = answer.get(field) if isinstance(answer, dict) else None
    for value in values if isinstance(values, list) else ():
        if isinstance(value, dict):
            yield value


def has_rows(answer: object, field: str) -> bool:
    """True if ``answer[field]`` is a list, be it empty: the shape that marks a kind of engine."""
    return isinstance(answer, dict) and isinstance(answer.get(field), list)


def model_names(answer: object) -> tuple[str, ...]:
    """The ids of an OpenAI model list."""
    return clean_names(row.get("id") for row in rows(answer, "data"))


def child(answer: object, field: str) -> Mapping[str, object]:
    """The object ``answer[field]``, empty where there is none."""
    value = answer.get(field) if isinstance(answer, dict) else None
    return value if isinstance(value, dict) else {}


def count(value: object, *, high: int = MAX_COUNT) -> int | None:
    """A whole number 0..high, also when written as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= high else None  # false for NaN as well


def context_tokens(value: object) -> int | None:
    """A context length in tokens, None for anything that is not one (0 means "unset" to most engines)."""
    return count(value, high=_MAX_CONTEXT_TOKENS) or None


def largest(values: Iterable[int | None]) -> int | None:
    """The largest of the figures that are known."""
    return max((value for value in values if value is not None), default=None)


def percent_of_share(share: float | None) -> float | None:
    """A share 0..1 as percent, rounding errors of the engine clipped; None if it is no share."""
    if share is None or not math.isfinite(share) or not -0.001 <= share <= 1.001:
        return None
    return round(min(max(share, 0.0), 1.0) * 100.0, 2)
