"""The section of config.toml about objectives: what counts as answered in time, and for whom."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from llmlb.config.by_name import ByName
from llmlb.config.declaration import Column, setting
from llmlb.core.choice import Objective

_REMEMBERED = 4096
"""Pairs of model and key: more than most routers ever see, and a bound for those that see any name at all."""

_COLUMNS = (
    Column("ttft", unit="s", low=0.05, high=3600, example=2),
    Column("tpot", unit="s", low=0.001, high=60, example=0.1, is_optional=True),
)
_FORM = 'NAME = { ttft = 2, tpot = 0.1 }, or [objectives.models."NAME"]'


@dataclass(frozen=True, slots=True)
class ObjectivesSettings:
    """What counts as answered in time: seconds to the first token (ttft) and between the others (tpot).

    In ``adaptive`` a request that no node can answer in time now, though an idle one could, is refused with 429.
    """

    models: Mapping[str, Mapping[str, float]] = setting(
        {},
        columns=_COLUMNS,
        form=_FORM,
        help="Objectives by model; a * in a name stands for anything. A request that no node can answer in time now "
        "is refused with 429 (mode adaptive). The most specific name wins, tpot may be left out.",
    )
    keys: Mapping[str, Mapping[str, float]] = setting(
        {},
        columns=_COLUMNS,
        form=_FORM.replace("models", "keys"),
        help="Objectives by the name of the API key, likewise. They win over those of the model.",
    )


class Objectives:
    """Answers which objective a request has. objective_for: cached, so it costs a dictionary look-up per request."""

    def __init__(self, settings: ObjectivesSettings) -> None:
        self._keys = _objectives(settings.keys)
        self._models = _objectives(settings.models)
        self.objective_for = lru_cache(_REMEMBERED)(self._find)

    def __bool__(self) -> bool:
        """Whether anybody has one."""
        return bool(self._keys or self._models)

    def _find(self, model: str, key_name: str) -> Objective | None:
        """Of the key, else of the model, else none."""
        return self._keys.find(key_name) or self._models.find(model)


def _objectives(rows: Mapping[str, Mapping[str, float]]) -> ByName[Objective]:
    return ByName({name: Objective(row["ttft"], row.get("tpot", math.inf)) for name, row in rows.items()})
