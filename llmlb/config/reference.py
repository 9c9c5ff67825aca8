"""The reference of the settings, written from their declarations: the example file and the documentation.

``python -m llmlb.config.reference`` rewrites both in a checkout; a test compares them with the declarations, so that
neither can say something else than the program does.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from llmlb.config.declaration import Kind, Setting, plain
from llmlb.config.settings import agent_settings, node_settings, router_sections, router_settings
from llmlb.config.values import show_value
from llmlb.errors import ConfigurationError

EXAMPLE_PATH = Path("config.example.toml")
DOCUMENTATION_PATH = Path("docs/configuration.md")
_COMMENT_WIDTH = 100

_EXAMPLE_HEAD = """\
# Every setting of the llmlb router, with its default. This file changes nothing as it stands.
# Copy what you want to change to config.toml, in the directory where the router starts or in its data directory.
# A variable wins over this file, a flag over the variable. See docs/configuration.md.
"""

_EXAMPLE_NODES = """\
# What you fix for single nodes, by their id. Remove the marks to use it.
# [nodes.node-1]
"""

_DOCUMENTATION_HEAD = """\
# Configuration

llmlb runs without any configuration. Whatever you change can be written in four places; each one wins over those
above it:

1. the defaults on this page;
2. a file: the one that `--config FILE` names, else `config.toml` in the directory where the router starts, else
   `config.toml` in the data directory. `config.example.toml` holds every key with its default;
3. the environment: the variable that the tables name;
4. a flag of `llmlb serve`, where the tables name one.

A change made while the router runs (`llmlb thresholds set`) wins over all of them. It is stored, and it holds until
you change the configured value itself to something else.

`llmlb config show --origin` prints every value in force and where it came from: the default, the file with its line,
the variable, the flag, or `stored`.

## Mistakes stop the start

An unknown key, a value of the wrong type or outside its range, and a variable that looks like one of ours but is not
are all reported at once, each with its place, what is allowed and the nearest name:

```
config.toml:7: health.node_timeout: 20 is out of range: give 30..300 s, for example 60; 2..30 s needs --dev
config.toml:9: unknown key server.prot; did you mean "port"?
environment variable LLMLB_GPU_TRESHOLD: unknown; did you mean "LLMLB_GPU_THRESHOLD"?
```

## Writing values

- Variables are text. Booleans: `true`, `yes`, `on`, `1` and `false`, `no`, `off`, `0`. Lists: separated by commas.
  Tables: `alias=model,other=model`. An empty variable counts as not set.
- Times are seconds and may have decimals; sizes are bytes.
- In a pod beside a Kubernetes service that is named `llmlb`, Kubernetes sets `LLMLB_PORT=tcp://...` and others like it.
  They are ignored with a warning; `enableServiceLinks: false` in the pod removes them.
- Secrets are marked below. They are never logged, listed or repeated in a message. Keep a file that holds one at mode
  0600 (`chmod 600 config.toml`), or the start warns.

## Demonstrations and tests: `--dev`

`llmlb serve --dev` allows the shorter times that the tables give as "with --dev", accepts the login `admin`/`test`,
prints an API key and lifts the limits on registration. Therefore it accepts only an address that other machines cannot
reach.

## Directories

| variable | what is kept there |
|---|---|
| `LLMLB_DATA_DIR`, flag `--data-dir` | the router's databases, backups and generated secrets |
| `LLMLB_CONFIG_DIR` | `contexts.toml` of the client commands |
| `LLMLB_STATE_DIR` | credentials of the client commands, the agent's node token |

Without them the platform's usual directories are used, on Linux `~/.local/share/llmlb`, `~/.config/llmlb` and
`~/.local/state/llmlb`. Each is created with mode 0700; one that others may read is refused.

## The router

"(live)" marks what can be changed while the router runs.
"""

_DOCUMENTATION_NODES = """\
### [nodes.ID]

What you fix for single nodes: one table per node, named by the node's id, e.g. `[nodes.node-1]`. Only the file can set
these.
"""

_DOCUMENTATION_AGENT = """\
## The agent

`llmlb agent`, also installed as `xllm`, reads no file: only variables and flags, and a flag wins.
"""


def example_file() -> str:
    """config.example.toml: valid TOML that says exactly the defaults."""
    parts = [_EXAMPLE_HEAD]
    for section, owner in router_sections().items():
        parts.append(f"{_comment(_first_line(owner))}[{section}]\n")
        parts += [f"{_comment(_explained(each))}{_assignment(each)}\n" for each in _settings_of(section)]
    parts.append(_EXAMPLE_NODES)
    parts += [f"{_comment(_explained(each))}# {_assignment(each)}\n" for each in node_settings().values()]
    return "\n".join(parts)


def documentation() -> str:
    """docs/configuration.md: how the sources are joined, and a table for each section."""
    parts = [_DOCUMENTATION_HEAD]
    for section, owner in router_sections().items():
        parts.append(f"### [{section}]\n\n{_first_line(owner)}\n\n{_table(_settings_of(section))}")
    parts.append(f"{_DOCUMENTATION_NODES}\n{_table(node_settings().values())}")
    parts.append(f"{_DOCUMENTATION_AGENT}\n{_table(agent_settings().values())}")
    return "\n".join(parts)


def main() -> None:
    """Rewrites both files of the checkout that this module lies in."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").exists():
        raise ConfigurationError(f"{root} is not a checkout of llmlb. Run this in one.")
    (root / EXAMPLE_PATH).write_text(example_file(), encoding="utf-8")
    (root / DOCUMENTATION_PATH).write_text(documentation(), encoding="utf-8")


def _settings_of(section: str) -> list[Setting]:
    return [each for each in router_settings().values() if each.section == section]


def _first_line(owner: type) -> str:
    return (owner.__doc__ or "").splitlines()[0]


def _explained(setting: Setting) -> str:
    """The help and what a reader of the file needs besides: range and variable."""
    facts = [_allowed(setting), *([f"variable {setting.variables[0]}"] if setting.variables else [])]
    if setting.rule.secret:
        facts.append("secret")
    return f"{setting.rule.help}\n{' · '.join(fact for fact in facts if fact)}"


def _assignment(setting: Setting) -> str:
    """The key with its default; an example stands in for a default that TOML cannot write."""
    example = {"max_concurrency": "16", "capability_score": "8000"}.get(setting.name, "0")
    value = '""' if setting.default == "" else show_value(setting, setting.default)
    return f"{setting.name} = {example if setting.default is None else value}"


def _comment(text: str) -> str:
    lines: Iterator[str] = (
        line for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, _COMMENT_WIDTH - 2)
    )
    return "".join(f"# {line}\n" for line in lines)


def _table(settings: Iterable[Setting]) -> str:
    rows = ["| key | set by | default | allowed | meaning |", "|---|---|---|---|---|"]
    for each in settings:
        meaning = each.rule.help + (" Secret." if each.rule.secret else "") + (" (live)" if each.rule.live else "")
        cells = (f"`{each.name}`", _set_by(each), _default(each), _allowed(each), meaning)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _set_by(setting: Setting) -> str:
    names = [*setting.variables, *([setting.rule.flag] if setting.rule.flag else [])]
    return " ".join(f"`{name}`" for name in names)


def _default(setting: Setting) -> str:
    if setting.default in ("", None) or setting.default in ((), {}):
        return "none"
    return f"{show_value(setting, setting.default).strip(chr(34))} {setting.rule.unit}".rstrip()


def _allowed(setting: Setting) -> str:
    if setting.kind is Kind.BOOLEAN:
        return "true, false"
    allowed = setting.range_text()
    if setting.rule.dev_low is not None:
        allowed += f" (from {plain(setting.rule.dev_low)} with --dev)"
    return allowed


if __name__ == "__main__":
    main()
