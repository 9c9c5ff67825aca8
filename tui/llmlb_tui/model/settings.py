"""The live settings of choosing a node, as the router tells them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from llmlb_tui.model.reading import fields, number
from llmlb_tui.model.text import clean


class Limit(StrEnum):
    """One threshold; the value is its name on the command line."""

    GPU = "gpu"
    VRAM = "vram"
    ACTIVE = "active"

    @property
    def field(self) -> str:
        """Its name in the settings."""
        return {"gpu": "gpu_threshold", "vram": "vram_threshold", "active": "active_request_threshold"}[self.value]

    @property
    def top(self) -> float:
        return 100_000.0 if self is Limit.ACTIVE else 100.0


class Settings(NamedTuple):
    """The live settings of choosing a node. Percent, percent, requests."""

    mode: str = "metrics"
    gpu: float = 80.0
    vram: float = 90.0
    active: int = 10

    def value(self, limit: Limit) -> float:
        return {Limit.GPU: self.gpu, Limit.VRAM: self.vram, Limit.ACTIVE: float(self.active)}[limit]

    def with_value(self, limit: Limit, value: float) -> Settings:
        """These settings with one limit moved, kept within its range."""
        kept = min(limit.top, max(0.0, value))
        match limit:
            case Limit.GPU:
                return self._replace(gpu=kept)
            case Limit.VRAM:
                return self._replace(vram=kept)
            case Limit.ACTIVE:
                return self._replace(active=int(kept))

    def words(self, names: Iterable[str]) -> str:
        """These settings as ``llmlb thresholds set`` takes them: ``gpu=80 mode=metrics``."""
        values = {name: getattr(self, name) for name in names}
        return " ".join(f"{name}={value if name == 'mode' else f'{value:g}'}" for name, value in values.items())

    def changes_from(self, other: Settings) -> dict[str, object]:
        """The fields to send, so that ``other`` becomes these."""
        changed = {limit.field: self.value(limit) for limit in Limit if self.value(limit) != other.value(limit)}
        body: dict[str, object] = {
            name: int(value) if name == Limit.ACTIVE.field else value for name, value in changed.items()
        }
        return body if self.mode == other.mode else {**body, "mode": self.mode}


class SettingsChange(NamedTuple):
    """A change of the settings made from this console: what they were before it, and what it made of them."""

    before: Settings
    applied: Settings

    @property
    def names(self) -> tuple[str, ...]:
        """The settings that it changed."""
        return tuple(name for name in Settings._fields if getattr(self.before, name) != getattr(self.applied, name))

    def overtaken(self, present: Settings) -> tuple[str, ...]:
        """Those of them that somebody has changed since."""
        return tuple(name for name in self.names if getattr(present, name) != getattr(self.applied, name))

    def undone(self, present: Settings) -> Settings:
        """``present`` with what it changed as it was before; what others changed stays."""
        return present._replace(**{name: getattr(self.before, name) for name in self.names})


def read_settings(value: object) -> Settings:
    """The object of ``/v0/settings/load-balancer``."""
    given = fields(value)
    known = Settings()
    gpu, vram = number(given.get("gpu_threshold")), number(given.get("vram_threshold"))
    active = number(given.get("active_request_threshold"))
    return Settings(
        mode=clean(given.get("mode"), 200) or known.mode,
        gpu=known.gpu if gpu is None else gpu,
        vram=known.vram if vram is None else vram,
        active=known.active if active is None else int(active),
    )
