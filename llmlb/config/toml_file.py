"""Reading config.toml: every key known, every value in range, every complaint with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from llmlb.config.checks import NODE_ID
from llmlb.config.declaration import Setting, Value
from llmlb.config.origins import Origin, OriginKind, Reading
from llmlb.config.secrets_file import exposure
from llmlb.config.settings import node_settings, router_sections, router_settings
from llmlb.config.values import UnusableValue, did_you_mean, read_value, shown
from llmlb.errors import ConfigurationError

MAX_CONFIG_FILE_BYTES = 1_048_576
"""A thousand nodes with keys take a fifth of it; a bound, because the path may point anywhere."""

_PARSER_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def read_config_file(path: Path, *, dev: bool = False) -> Reading:
    """What a configuration file says.

    Raises ConfigurationError when the file cannot be read or is not TOML; whatever is wrong with single keys is
    among the reading's problems.
    """
    text = _text_of(path)
    return _FileReader(path, text, dev=dev).read(_parsed(path, text))


class _FileReader:
    """Collects the values and the problems of one file."""

    def __init__(self, path: Path, text: str, *, dev: bool) -> None:
        from llmlb.config.toml_lines import key_lines

        self._path = path
        self._lines = key_lines(text)
        self._dev = dev
        self._values: dict[str, Value] = {}
        self._origins: dict[str, Origin] = {}
        self._problems: list[str] = []

    def read(self, document: Mapping[str, object]) -> Reading:
        for section, content in document.items():
            if section == "nodes":
                self._read_nodes(content)
            elif section in router_sections():
                known = {each.name: each for each in router_settings().values() if each.section == section}
                self._read_section((section,), content, known=known)
            else:
                self._complain((section,), _unknown_section(section, content))
        warnings = tuple(self._warnings())
        return Reading(self._values, self._origins, tuple(self._problems), warnings)

    def _read_nodes(self, content: object) -> None:
        if not isinstance(content, Mapping):
            self._complain(("nodes",), "nodes must be a table: write [nodes.ID] and the node's keys below it")
            return
        for node_id, entry in content.items():
            place = ("nodes", node_id)
            if node_id in node_settings() and not isinstance(entry, Mapping):
                self._complain(place, f"nodes.{node_id} belongs to a node: put it under [nodes.ID]")
            elif NODE_ID.fullmatch(node_id):
                self._read_section(place, entry, known=node_settings())
            else:
                self._complain(
                    place,
                    f"{shown(node_id)} is no node id: use 1 to 63 letters, digits, dots, dashes and underscores",
                )

    def _read_section(self, place: tuple[str, ...], content: object, *, known: Mapping[str, Setting]) -> None:
        section = ".".join(place)
        if not isinstance(content, Mapping):
            self._complain(place, f"{section} must be a table: write [{section}] and its keys below it")
            return
        for name, value in content.items():
            key = f"{section}.{name}"
            setting = known.get(name)
            if setting is None:
                self._complain((*place, name), _unknown_key(section, name, [*known]))
                continue
            try:
                self._values[key] = read_value(setting, value, dev=self._dev)
            except UnusableValue as error:
                self._complain((*place, name), f"{key}: {error}")
            self._origins[key] = Origin(OriginKind.FILE, self._place((*place, name)))

    def _warnings(self) -> Iterator[str]:
        secrets = {each.key for each in router_settings().values() if each.rule.secret}
        held = [key for key, value in self._values.items() if value and (key in secrets or key.endswith(".api_key"))]
        if held and (warning := exposure(self._path)):
            yield f"{self._origins[held[0]].detail}: {held[0]} is a secret, but {warning}"

    def _place(self, place: tuple[str, ...]) -> str:
        from llmlb.config.toml_lines import line_of

        return f"{self._path}:{line_of(self._lines, place)}"

    def _complain(self, place: tuple[str, ...], text: str) -> None:
        self._problems.append(f"{self._place(place)}: {text}")


def _text_of(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_CONFIG_FILE_BYTES + 1)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no such file. Check --config; without it ./config.toml is read, if there is one."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror}). Check the path and its permissions."
        ) from error
    if len(content) > MAX_CONFIG_FILE_BYTES:
        raise ConfigurationError(f"{path}: larger than {MAX_CONFIG_FILE_BYTES} bytes. Is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: not UTF-8 text. Save the file as UTF-8.") from error


def _parsed(path: Path, text: str) -> Mapping[str, object]:
    import tomllib  # imported late: the commands that never read the file need not pay for it

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _PARSER_PLACE.search(str(error))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        cause = _PARSER_PLACE.sub("", str(error))
        raise ConfigurationError(
            f"{path}:{line}: not valid TOML: {cause}. Texts need quotes, and each key its own line."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: not usable TOML: a number is too long or values nest too deep.") from error


def _unknown_section(section: str, content: object) -> str:
    if isinstance(content, Mapping):
        guess = did_you_mean(section, [*router_sections(), "nodes"])
        return f"unknown section [{section}]{guess or '; the sections are: ' + ', '.join(router_sections())}"
    return f"unknown key {shown(section)} outside any section{_elsewhere(section)}"


def _unknown_key(section: str, name: str, known: list[str]) -> str:
    guess = did_you_mean(name, known) or _elsewhere(name) or f"; [{section}] has: {', '.join(known)}"
    return f"unknown key {section}.{name}{guess}"


def _elsewhere(name: str) -> str:
    places = [each.key for each in router_settings().values() if name in (each.name, each.attribute)]
    return f'; did you mean "{places[0]}"?' if places else ""
