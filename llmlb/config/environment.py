"""Reading the environment: the variables of the settings, and complaints about those that only look like them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from llmlb.config.declaration import Setting, Value
from llmlb.config.origins import Origin, OriginKind, Reading
from llmlb.config.settings import agent_settings, router_sections, router_settings
from llmlb.config.values import UnusableValue, printable, read_text

COMMAND_VARIABLES = frozenset(
    {
        "LLMLB_API_KEY",
        "LLMLB_CA_FILE",
        "LLMLB_CONFIG",
        "LLMLB_CONFIG_DIR",
        "LLMLB_CONTEXT",
        "LLMLB_DATA_DIR",
        "LLMLB_JOIN_TOKEN",
        "LLMLB_NO_INPUT",
        "LLMLB_OUTPUT",
        "LLMLB_READONLY",
        "LLMLB_STATE_DIR",
        "LLMLB_TIMEOUT",
        "LLMLB_TOKEN",
        "LLMLB_URL",
    }
)
"""Variables of the commands and the agent: never taken for a misspelt setting."""

# Kubernetes puts LLMLB_PORT=tcp://10.0.0.1:8080 and more into every pod beside a service that is named llmlb.
_SERVICE_LINK = re.compile(r"LLMLB_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_\w+)?)")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


def read_router_variables(environ: Mapping[str, str], *, dev: bool = False) -> Reading:
    """What the environment says about the router's settings; an empty variable counts as not set."""
    reading = _read(router_settings().values(), environ, dev=dev)
    known = {variable for each in router_settings().values() for variable in each.variables}
    strangers = [name for name in environ if name.startswith("LLMLB_") and name not in known | COMMAND_VARIABLES]
    unknown = [
        f"environment variable {name}: unknown; {guess}"
        for name, guess in _suspects(sorted(strangers), environ, known=sorted(known))
    ]
    return Reading(reading.values, reading.origins, (*reading.problems, *unknown), reading.warnings)


def read_agent_variables(environ: Mapping[str, str], *, dev: bool = False) -> Reading:
    """What the environment says about the agent's settings; an empty variable counts as not set."""
    reading = _read(agent_settings().values(), environ, dev=dev)
    known = sorted(variable for each in agent_settings().values() for variable in each.variables)
    unknown = [
        f'environment variable {printable(name)}: unknown; did you mean "{guess}"?'
        for name in sorted(environ)
        if name.startswith("XLLM_") and name not in known and environ[name].strip()
        # Only near misses: other programs use this prefix too.
        if (guess := _nearest(name, known))
    ]
    return Reading(reading.values, reading.origins, (*reading.problems, *unknown), reading.warnings)


def _read(settings: Iterable[Setting], environ: Mapping[str, str], *, dev: bool) -> Reading:
    values: dict[str, Value] = {}
    origins: dict[str, Origin] = {}
    problems: list[str] = []
    warnings: list[str] = []
    for setting in settings:
        given = [name for name in setting.variables if environ.get(name, "").strip()]
        if not given:
            continue
        variable = given[0]
        if _SERVICE_ADDRESS.match(environ[variable]) and not variable.endswith("_URL"):
            warnings.append(
                f"environment variable {variable}: ignored, it is the address of a Kubernetes service. "
                "Set enableServiceLinks: false in the pod, or name the service otherwise."
            )
            continue
        for other in given[1:]:
            if environ[other] != environ[variable]:
                warnings.append(f"environment variable {other}: ignored, because {variable} is set as well")
        origins[setting.key] = Origin(OriginKind.ENVIRONMENT, variable)
        try:
            values[setting.key] = read_text(setting, environ[variable], dev=dev)
        except UnusableValue as error:
            problems.append(f"environment variable {variable}: {setting.key}: {error}")
    return Reading(values, origins, tuple(problems), tuple(warnings))


def _suspects(names: Iterable[str], environ: Mapping[str, str], *, known: list[str]) -> Iterable[tuple[str, str]]:
    """Of the unknown names those that were meant for us, each with a suggestion."""
    for name in names:
        value = environ[name]
        if not value.strip() or _SERVICE_LINK.fullmatch(name) or _SERVICE_ADDRESS.match(value):
            continue
        if name.startswith("LLMLB_NODES_"):
            yield printable(name), "nodes have no variables, write [nodes.ID] in config.toml"
            continue
        section = next((each for each in router_sections() if name.startswith(f"LLMLB_{each.upper()}_")), "")
        key = f"{section}.{name[len(section) + 7 :].lower()}"
        if setting := router_settings().get(key):
            yield printable(name), f'did you mean "{setting.variables[0]}"?'
        elif guess := _nearest(name, known):
            yield printable(name), f'did you mean "{guess}"?'
        elif section:
            ours = [each.variables[0] for each in router_settings().values() if each.section == section]
            yield printable(name), f"[{section}] has {', '.join(ours)}"


def _nearest(name: str, known: list[str]) -> str:
    import difflib  # only ever needed on the way to an error

    # Stricter than for keys: a variable may belong to another program.
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
    return close[0] if close else ""
