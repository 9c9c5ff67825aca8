"""The short way for plain reads: ``llmlb nodes list -o json`` asks the router without importing Typer.

Typer's import takes longer than everything else until the request leaves. Only a verb that the table marks as plain,
followed by nothing but usable shared options and own ones that hold any text, goes this way. Every other line is
Typer's, as is every error; a test holds both ways to the same options.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from llmlb_cli.commands import function_of
from llmlb_cli.options import Options, options_from
from llmlb_cli.output import COLOURS, FORMATS
from llmlb_cli.tree import COMMANDS, Noun, Verb, canonical

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "output": {"-o": "output", "--output": "output", "--color": "color"},
    "listing": {"--fields": "fields", "--sort-by": "sort_by", "--filter": "filter"},
    "connection": {"--url": "url", "--context": "context", "--token-file": "token_file", "--ca-file": "ca_file"},
}
_FLAGS: Mapping[str, Mapping[str, str]] = {
    "output": {"-q": "quiet", "--quiet": "quiet"},
    "listing": {"--no-headers": "no_headers"},
    "connection": {"-v": "verbose", "--verbose": "verbose"},
}
"""The fields of ``Options`` by spelling, by group of options. ``--limit`` is an own option of some lists."""


class PlainContext(NamedTuple):
    """What a plain read asks of Typer's context."""

    obj: Options


def plain_read(words: Sequence[str]) -> Callable[[], object] | None:
    """What runs this line without Typer; None where Typer must read it."""
    verb, rest = _verb(words)
    line = plain_line(verb, rest) if verb is not None else None
    if verb is None or line is None:
        return None
    function = function_of(verb.target)
    gc.enable()
    return lambda: function(PlainContext(line.options), **line.own)


class PlainLine(NamedTuple):
    """What stands behind a plain verb. own: the verb's own options, by name."""

    options: Options
    own: Mapping[str, str]


def plain_line(verb: Verb, words: Sequence[str]) -> PlainLine | None:
    """The options of a plain verb; None where one is unknown here or cannot be used, and for other verbs."""
    chosen = os.environ.get("LLMLB_OUTPUT")
    given: dict[str, object] = {"output": chosen} if chosen else {}
    if verb.plain is None or os.environ.get("LLMLB_TIMEOUT") or not _are_usable(given):
        return None
    texts = {f"--{name}": name for name in verb.plain.split()}
    flags: dict[str, str] = {}
    for group in verb.options.split():
        texts.update(_TEXTS.get(group, {}))
        flags.update(_FLAGS.get(group, {}))
    own: dict[str, str] = {}
    waiting = iter(words)
    for word in waiting:
        name, equals, value = word.partition("=")
        if word in flags:
            given[flags[word]] = True
            continue
        text = value if equals else next(waiting, None)
        # Of -o=json Click takes =json for the value.
        if name not in texts or text is None or (equals and not name.startswith("--")):
            return None
        if texts[name] in verb.plain.split():
            own[texts[name]] = text
        else:
            given[texts[name]] = text
    return PlainLine(options_from(given), own) if _are_usable(given) else None


def _verb(words: Sequence[str]) -> tuple[Verb | None, Sequence[str]]:
    match COMMANDS.get(canonical(words[0])) if words else None:
        case Verb() as verb:
            return verb, words[1:]
        case Noun() as noun if len(words) > 1:
            return noun.verbs.get(words[1]), words[2:]
        case _:
            return None, words


def _are_usable(given: Mapping[str, object]) -> bool:
    return given.get("output", FORMATS[0]) in FORMATS and given.get("color", COLOURS[0]) in COLOURS
