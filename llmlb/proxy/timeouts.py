"""How long an answer may take, by model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from llmlb.config.by_name import ByName
from llmlb.config.settings import TimeoutsSettings

BYTES_PER_TOKEN = 4.0
_REMEMBERED = 4096
"""Models: more than any fleet has, and a bound for clients that name any."""


@dataclass(frozen=True, slots=True)
class AnswerTimeouts:
    """The limits of one model's answers, in seconds; prefill: tokens a second, 0 for no allowance."""

    first_byte_s: float
    prefill: float
    cold_load_s: float
    answer_s: float
    stream_idle_s: float
    stream_total_s: float

    def first_byte_within_s(self, body_bytes: int, *, is_cold: bool) -> float:
        """How long the first byte of a stream may take: a long prompt takes a sound node long as well."""
        within_s = self.first_byte_s
        if self.prefill and within_s < self.answer_s:
            within_s = min(within_s + body_bytes / (BYTES_PER_TOKEN * self.prefill), self.answer_s)
        return within_s + self.cold_load_s if is_cold else within_s


class Timeouts:
    """Those of every model. of_model: canonical name to its limits, cached; None where all have the usual ones."""

    def __init__(self, settings: TimeoutsSettings) -> None:
        self.usual = _timeouts(settings, {})
        self._special = ByName({name: _timeouts(settings, row) for name, row in settings.models.items()})
        self.of_model = lru_cache(_REMEMBERED)(self._find) if self._special else None

    def _find(self, model: str) -> AnswerTimeouts:
        return self._special.find(model) or self.usual


def _timeouts(settings: TimeoutsSettings, row: Mapping[str, float]) -> AnswerTimeouts:
    return AnswerTimeouts(
        first_byte_s=row.get("first_byte", settings.first_byte_s),
        prefill=row.get("prefill", settings.prefill),
        cold_load_s=row.get("cold_load", settings.cold_load_s),
        answer_s=row.get("answer", settings.answer_s),
        stream_idle_s=row.get("stream_idle", settings.stream_idle_s),
        stream_total_s=row.get("stream_total", settings.stream_total_s),
    )
