"""Joining the sources of the configuration: defaults < file < environment < flag < a live change.

Everything wrong is reported at once, one line for each problem, with the place and the remedy. Nothing that an
operator wrote becomes a default in silence.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from llmlb.config.assembly import assemble, assemble_agent
from llmlb.config.checks import find_agent_problems, find_problems, find_warnings
from llmlb.config.declaration import Setting, Value
from llmlb.config.environment import read_agent_variables, read_router_variables
from llmlb.config.origins import DEFAULT, STORED, Origin, OriginKind, Reading
from llmlb.config.settings import (
    AgentSettings,
    Settings,
    agent_settings,
    node_settings,
    router_settings,
    values_of,
)
from llmlb.config.toml_file import read_config_file
from llmlb.config.values import UnusableValue, did_you_mean, read_text, read_value, show_value
from llmlb.errors import ConfigurationError

__all__ = [
    "Loaded",
    "Origin",
    "OriginKind",
    "ShownSetting",
    "StoredValue",
    "apply_stored",
    "load_agent_settings",
    "load_settings",
    "show_settings",
]

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings of one start, and where they came from.

    origins: by dotted key, every setting.  warnings: one line each.  file: the file that was read, if any.
    dev: whether the shorter times of --dev were allowed.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    warnings: tuple[str, ...] = ()
    file: Path | None = None
    dev: bool = False


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A change that was made live, and the configured value that it replaced; both as JSON gives them."""

    value: object
    base: object


class ShownSetting(NamedTuple):
    """One line of a listing; secrets are hidden in `value`."""

    key: str
    value: str
    origin: Origin


def load_settings(
    *,
    data_dir: Path,
    environ: Mapping[str, str],
    working_dir: Path,
    flags: Mapping[str, object] = _NOTHING,
    config_file: Path | None = None,
    dev: bool = False,
) -> Loaded:
    """The settings of a router's start.

    flags: by dotted key; None stands for a flag that was not given.  config_file: as --config named it, else
    `working_dir`/config.toml, else `data_dir`/config.toml, else none.  dev: allows the shorter times and demands a
    loopback address.
    Raises ConfigurationError with one line for each problem.
    """
    file = config_file or _usual_file(working_dir, data_dir)
    readings = [
        read_config_file(file, dev=dev) if file else Reading(),
        read_router_variables(environ, dev=dev),
        _read_flags(router_settings(), flags, dev=dev),
    ]
    values, origins = _joined(readings)
    settings = assemble(values)
    problems = [problem for each in readings for problem in each.problems]
    problems += [f"{_place(origins.get(key, DEFAULT))}{key}: {text}" for key, text in find_problems(settings, dev=dev)]
    if problems:
        raise ConfigurationError("\n".join(problems))
    warnings = [warning for each in readings for warning in each.warnings]
    warnings += find_warnings(settings, dev=dev)
    known = {key: origins.get(key, DEFAULT) for key in values_of(settings)}
    return Loaded(settings, known, tuple(warnings), file, dev)


def load_agent_settings(
    *, environ: Mapping[str, str], flags: Mapping[str, object] = _NOTHING, dev: bool = False
) -> AgentSettings:
    """The settings of an agent's start: defaults < environment < flag.

    flags: by dotted key, e.g. ``agent.engine_url``; None stands for a flag that was not given.
    Raises ConfigurationError with one line for each problem.
    """
    readings = [read_agent_variables(environ, dev=dev), _read_flags(agent_settings(), flags, dev=dev)]
    values, origins = _joined(readings)
    settings = assemble_agent(values)
    problems = [problem for each in readings for problem in each.problems]
    problems += [f"{_place(origins.get(key, DEFAULT))}{key}: {text}" for key, text in find_agent_problems(settings)]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def apply_stored(loaded: Loaded, stored: Mapping[str, StoredValue]) -> tuple[Loaded, tuple[str, ...]]:
    """`loaded` with the live changes that still hold, and the keys of those that do not.

    A live change holds until the configured value is changed to something else than it replaced. It does not hold
    either when its key is unknown or secret, or its value no longer allowed. The caller forgets the dropped keys.
    """
    configured = values_of(loaded.settings)
    values, origins = dict(configured), dict(loaded.origins)
    dropped: list[str] = []
    for key, change in stored.items():
        setting = router_settings().get(key)
        try:
            if setting is None or setting.rule.secret:
                raise UnusableValue("not a setting that can be changed live")
            value = read_value(setting, change.value, dev=loaded.dev)
            base = read_value(setting, change.base, dev=loaded.dev)
        except UnusableValue:
            dropped.append(key)
            continue
        if base != configured[key] or _breaks(configured, key, value, dev=loaded.dev):
            dropped.append(key)
            continue
        values[key], origins[key] = value, STORED
    return replace(loaded, settings=assemble(values), origins=origins), tuple(dropped)


def show_settings(loaded: Loaded) -> tuple[ShownSetting, ...]:
    """Every setting with its value, as config.toml would hold it, and its origin; secrets are hidden."""
    values = values_of(loaded.settings)
    return tuple(
        ShownSetting(key, show_value(_setting(key), value), loaded.origins.get(key, DEFAULT))
        for key, value in values.items()
    )


def _usual_file(working_dir: Path, data_dir: Path) -> Path | None:
    # lexists: a dangling link is a mistake to report, not a file that is not there.
    candidates = (working_dir / "config.toml", data_dir / "config.toml")
    return next((each for each in candidates if os.path.lexists(each)), None)


def _read_flags(settings: Mapping[str, Setting], flags: Mapping[str, object], *, dev: bool) -> Reading:
    values: dict[str, Value] = {}
    origins: dict[str, Origin] = {}
    problems: list[str] = []
    for key, given in flags.items():
        if given is None:
            continue
        setting = settings.get(key)
        if setting is None:
            problems.append(f"flag for {key}: no such setting{did_you_mean(key, [*settings], cutoff=0.85)}")
            continue
        flag = setting.rule.flag or f"--{setting.name.replace('_', '-')}"
        origins[key] = Origin(OriginKind.FLAG, flag)
        try:
            read = read_text(setting, given, dev=dev) if isinstance(given, str) else None
            values[key] = read_value(setting, given, dev=dev) if read is None else read
        except UnusableValue as error:
            problems.append(f"flag {flag}: {key}: {error}")
    return Reading(values, origins, tuple(problems))


def _joined(readings: Iterable[Reading]) -> tuple[dict[str, Value], dict[str, Origin]]:
    values: dict[str, Value] = {}
    origins: dict[str, Origin] = {}
    for each in readings:
        values |= each.values
        origins |= each.origins
    return values, origins


def _place(origin: Origin) -> str:
    match origin.kind:
        case OriginKind.DEFAULT | OriginKind.STORED:
            return ""
        case OriginKind.FILE:
            return f"{origin.detail}: "
        case OriginKind.ENVIRONMENT:
            return f"environment variable {origin.detail}: "
        case OriginKind.FLAG:
            return f"flag {origin.detail}: "


def _breaks(configured: Mapping[str, Value], key: str, value: Value, *, dev: bool) -> bool:
    return any(broken == key for broken, _ in find_problems(assemble({**configured, key: value}), dev=dev))


def _setting(key: str) -> Setting:
    return router_settings().get(key) or node_settings()[key.rpartition(".")[2]]
