"""From the name of a mode to its policy: built in, an entry point, or ``module:Class``."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import entry_points

from llmlb.core.choice import Policy
from llmlb.core.load import Thresholds
from llmlb.errors import ConfigurationError
from llmlb.policies import POLICIES
from llmlb.policies.metrics import MetricsPolicy

ENTRY_POINTS = "llmlb.policies"


def make_policy(mode: str, thresholds: Callable[[], Thresholds]) -> Policy:
    """The policy behind a mode. Raises ConfigurationError that names what is there."""
    if mode == "metrics":
        return MetricsPolicy(thresholds)
    built_in = POLICIES.get(mode)
    if built_in is not None:
        return built_in()
    return _custom(mode)


def _custom(mode: str) -> Policy:
    kind = _from_module(mode) if ":" in mode else _from_entry_point(mode)
    try:
        policy = kind()
    except Exception as error:
        raise ConfigurationError(f"load_balancer.mode: {mode} could not be created: {error}") from error
    if not isinstance(policy, Policy):
        raise ConfigurationError(f"load_balancer.mode: {mode} is not a llmlb.core.choice.Policy")
    return policy


def _from_module(mode: str) -> Callable[[], object]:
    module_name, _, class_name = mode.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"load_balancer.mode: {mode} cannot be imported: {error}") from error
    return _callable(mode, found)


def _from_entry_point(mode: str) -> Callable[[], object]:
    for entry_point in entry_points(group=ENTRY_POINTS, name=mode):
        try:
            return _callable(mode, entry_point.load())
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(f"load_balancer.mode: entry point {mode} cannot be loaded: {error}") from error
    known = ", ".join([*POLICIES, *(point.name for point in entry_points(group=ENTRY_POINTS))])
    raise ConfigurationError(f"load_balancer.mode: there is no policy {mode!r}. Known: {known}, or module:Class.")


def _callable(mode: str, found: object) -> Callable[[], object]:
    if not callable(found):
        raise ConfigurationError(f"load_balancer.mode: {mode} is not a class")
    return found
