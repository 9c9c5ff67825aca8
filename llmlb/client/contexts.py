"""Contexts: named routers in ``contexts.toml``, which a person may edit and which holds no secret."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from llmlb.client.address import router_address
from llmlb.errors import ConfigurationError

TITLE_COLORS = ("red", "yellow", "green", "blue", "magenta", "cyan")


# NamedTuples, because importing dataclasses costs a one-shot command as much as its whole request.
class Context(NamedTuple):
    """One router as a person calls it.

    confirm: "type-name" asks for the context's name before anything dangerous.  color: of the console's title, one of
    ``TITLE_COLORS`` or "".
    """

    name: str
    url: str
    ca_file: str = ""
    user: str = ""
    confirm: str = ""
    color: str = ""
    default_output: str = ""


class Contexts(NamedTuple):
    """The content of ``contexts.toml``. current: the name used when none is given, "" for none."""

    current: str = ""
    by_name: Mapping[str, Context] = MappingProxyType({})

    def named(self, name: str) -> Context:
        """The context of that name; raises ConfigurationError with the nearest names."""
        if name in self.by_name:
            return self.by_name[name]
        near = difflib.get_close_matches(name, self.by_name, n=3)
        known = ", ".join(near or sorted(self.by_name)) or "none yet: llmlb login makes one"
        raise ConfigurationError(f"there is no context {name!r}; known: {known}")

    def at(self, url: str) -> Context | None:
        """The context of the router at ``url``, the current one first; None if there is none."""
        ranked = sorted(self.by_name.values(), key=lambda context: context.name != self.current)
        return next((context for context in ranked if router_address(context.url).url == url), None)

    def with_context(self, context: Context, *, make_current: bool) -> Contexts:
        """These contexts with one added or replaced."""
        current = context.name if make_current else self.current
        return Contexts(current, {**self.by_name, context.name: context})

    def without(self, name: str) -> Contexts:
        """These contexts without one."""
        kept = {other: context for other, context in self.by_name.items() if other != name}
        return Contexts("" if self.current == name else self.current, kept)

    def using(self, name: str) -> Contexts:
        """These contexts with another current one; raises ConfigurationError if there is no such."""
        return self._replace(current=self.named(name).name)


def load_contexts(path: Path) -> Contexts:
    """Read ``contexts.toml``; no file means no contexts.

    Raises ConfigurationError: not TOML, an unknown key, a value that is no text, an unusable URL.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Contexts()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}. Mend it, or move it away") from error
    import tomllib  # late: a command without contexts must start fast

    try:
        document = tomllib.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{path} is not TOML: {error}. Mend it, or move it away") from error
    tables = document.get("contexts", {})
    if not isinstance(tables, dict):
        raise ConfigurationError(f"{path}: contexts is no table; write [contexts.NAME] and a url below it")
    by_name = {name: _context(name, table, path) for name, table in tables.items()}
    return Contexts(str(document.get("current", "")), by_name)


def save_contexts(path: Path, contexts: Contexts) -> None:
    """Replace ``contexts.toml`` in one step; raises ConfigurationError where it cannot be written."""
    import tomli_w

    tables = {name: _filled(context) for name, context in sorted(contexts.by_name.items())}
    document = {"current": contexts.current, "contexts": tables} if contexts.current else {"contexts": tables}
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(tomli_w.dumps(document), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigurationError(f"cannot write {path}: {error.strerror or error}. Mend its permissions") from error


def _context(name: str, table: object, path: Path) -> Context:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: contexts.{name} is no table; write [contexts.{name}] and a url below it")
    known = set(Context._fields) - {"name"}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(known))}"
            raise ConfigurationError(f"{path}: contexts.{name} has an unknown key {key!r}{hint}")
        if not isinstance(value, str):
            raise ConfigurationError(f"{path}: contexts.{name}.{key} must be text in quotes")
    color = table.get("color", "")
    if color and color not in TITLE_COLORS:
        raise ConfigurationError(
            f"{path}: contexts.{name}.color is {color!r}; the colors are {', '.join(TITLE_COLORS)}"
        )
    try:
        url = router_address(table.get("url", "")).url
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: contexts.{name}: {error.message}") from error
    return Context(**{**table, "name": name, "url": url})


def _filled(context: Context) -> dict[str, str]:
    return {key: value for key, value in context._asdict().items() if key != "name" and value}
