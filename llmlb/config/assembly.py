"""From values by dotted key to ``Settings``, and back with a change."""

from __future__ import annotations

from collections.abc import Mapping

from llmlb.config.checks import find_problems
from llmlb.config.declaration import Value, declared
from llmlb.config.settings import (
    AgentSettings,
    NodeSettings,
    Settings,
    agent_settings,
    node_settings,
    router_sections,
    router_settings,
    values_of,
)
from llmlb.config.values import UnusableValue, read_value
from llmlb.errors import ConfigurationError


def assemble(values: Mapping[str, Value]) -> Settings:
    """The settings with these values, and the defaults for the rest.

    values: by dotted key, read by ``values`` and therefore of the declared types; unknown keys are left out.
    """
    sections: dict[str, object] = {}
    for section, owner in router_sections().items():
        given = {each.attribute: values[each.key] for each in declared(section, owner) if each.key in values}
        sections[section] = owner(**given)
    sections["nodes"] = _nodes_of(values)
    return Settings(**sections)  # type: ignore[arg-type]  # each section was made by its own class


def assemble_agent(values: Mapping[str, Value]) -> AgentSettings:
    """The agent's settings with these values, and the defaults for the rest."""
    given = {each.attribute: values[each.key] for each in agent_settings().values() if each.key in values}
    return AgentSettings(**given)  # type: ignore[arg-type]  # the readers gave each value its declared type


def changed(settings: Settings, changes: Mapping[str, object], *, dev: bool = False) -> Settings:
    """`settings` with some values replaced, as a change made through the API wants it.

    changes: by dotted key, values as JSON gives them.  Raises ConfigurationError with one line for each problem.
    """
    values = values_of(settings)
    problems: list[str] = []
    for key, value in changes.items():
        setting = router_settings().get(key)
        if setting is None:
            problems.append(f"{key}: no such setting")
            continue
        try:
            values[key] = read_value(setting, value, dev=dev)
        except UnusableValue as error:
            problems.append(f"{key}: {error}")
    result = assemble(values)
    problems += [f"{key}: {text}" for key, text in find_problems(result, dev=dev) if key in changes]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return result


def _nodes_of(values: Mapping[str, Value]) -> Mapping[str, NodeSettings]:
    by_node: dict[str, dict[str, Value]] = {}
    for key, value in values.items():
        if key.startswith("nodes."):
            node_id, _, name = key.removeprefix("nodes.").rpartition(".")
            by_node.setdefault(node_id, {})[node_settings()[name].attribute] = value
    # The readers gave each value its declared type.
    return {node_id: NodeSettings(**given) for node_id, given in by_node.items()}  # type: ignore[arg-type]
