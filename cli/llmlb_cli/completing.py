"""What a shell offers behind Tab: commands and options from the table, ids from the router, silence when it is away.

A shell waits for this at every Tab, so nothing is imported that is not needed: no Typer unless options are asked for.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from llmlb_cli.columns import Row
from llmlb_cli.output import COLOURS, FORMATS
from llmlb_cli.tree import ALIASES, COMMANDS, Noun, Verb, canonical

SHELLS = ("bash", "zsh", "fish")
FILES = ":files"
"""Instead of candidates: let the shell offer files."""

TIMEOUT_S = 0.25
"""A Tab that hangs is worse than one that offers nothing; --timeout on the line says otherwise."""

LONGEST_S = 1.0
"""A name that cannot be looked up, and a router that answers byte by byte, know nothing of that timeout."""

# What a router names is typed into a command line: nothing that a shell would read otherwise is offered.
_HARMLESS = re.compile(r"[\w.:/@+=-]+", re.ASCII)


class Candidate(NamedTuple):
    """A word that may stand there. about: what the shell shows beside it."""

    value: str
    about: str = ""


class Typed(NamedTuple):
    """A command line up to the cursor. options: those with a value, as far as they are known.

    expects: the option whose value is being typed, "" for none.
    """

    names: tuple[str, ...]
    options: Mapping[str, str]
    expects: str
    current: str


Source = Callable[[Typed], Iterable[Candidate]]


def answer(arguments: Sequence[str]) -> str:
    """What ``llmlb __complete SHELL WORDS...`` prints: a line per candidate. Of bash the words are one text.

    Never raises: whatever goes wrong, a Tab offers nothing.
    """
    shell, *words = arguments or [""]
    if shell == "bash":
        words = _split(words[0] if words else "")
    if len(words) < 2:
        return ""
    try:
        found = list(candidates(words[1:]))
    except (Exception, SystemExit):  # noqa: BLE001  # a shell has no place for an error
        return ""
    offered = [each for each in found if each.value == FILES or _is_offered(each.value, words[-1])]
    return "".join(f"{_line(shell, each, words[-1])}\n" for each in offered)


def end_in_time(arguments: Sequence[str]) -> None:
    """End this process silently after ``LONGEST_S``, whatever it waits for; not where --timeout on the line allows it.

    A look-up of a name hears no signal and takes no timeout, so a thread outside Python's reach keeps the time.
    """
    import faulthandler

    if not any("--timeout" in each for each in arguments):
        faulthandler.dump_traceback_later(LONGEST_S, exit=True, file=open(os.devnull, "w"))  # noqa: SIM115


def candidates(words: Sequence[str]) -> Iterable[Candidate]:
    """What may follow; the last word is the one being typed, perhaps empty."""
    typed = _typed(words)
    if typed.expects:
        return _values_of(typed.expects, typed)
    name, equals, _ = typed.current.partition("=")
    if equals and name.startswith("--"):
        return [Candidate(f"{name}={each.value}", each.about) for each in _values_of(name, typed)]
    if typed.current.startswith("-"):
        return _options(typed)
    if not typed.names:
        return [Candidate(each, entry.summary) for each, entry in COMMANDS.items()]
    match COMMANDS.get(canonical(typed.names[0])):
        case Noun() as noun if len(typed.names) == 1:
            return [Candidate(verb, entry.summary) for verb, entry in noun.verbs.items()]
        case Noun():
            path = f"{canonical(typed.names[0])} {typed.names[1]}"
            return _arguments(path, typed._replace(names=typed.names[2:]))
        case Verb():
            return _arguments(typed.names[0], typed._replace(names=typed.names[1:]))
        case None:
            return ()


def _typed(words: Sequence[str]) -> Typed:
    names: list[str] = []
    options: dict[str, str] = {}
    expects = ""
    for word in words[:-1]:
        if expects:
            options[expects], expects = word, ""
        elif word.startswith("-") and len(word) > 1:
            name, equals, value = word.partition("=")
            if equals:
                options[name] = value
            elif _takes_value(name, names):
                expects = name
        else:
            names.append(word)
    return Typed(tuple(names), options, expects, words[-1])


_FLAGS = frozenset(
    ("-h", "--help", "-q", "--quiet", "-v", "--verbose", "--yes", "--no-input", "--dry-run", "--no-headers", "-w")
)
_FILE_OPTIONS = frozenset(
    ("-f", "--file", "--config", "--ca-file", "--token-file", "--data-dir", "--state-dir", "--api-key-file", "--save")
)


def _takes_value(name: str, names: Sequence[str]) -> bool:
    if name in _FLAGS:
        return False
    return name in _FILE_OPTIONS or name in _VALUES or name in _FREE or name in _valued_options(names)


_FREE = frozenset(("--url", "--timeout", "--fields", "--sort-by", "--limit", "--filter", "--interval", "--confirm"))
"""Options of many commands whose values nobody can guess."""


def _valued_options(names: Sequence[str]) -> Iterable[str]:
    return (spelling for spelling, _, has_value in _known_options(names) if has_value)


def _known_options(names: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Every option of the command that the names lead to: its spelling, its help, whether a value follows."""
    from typer import Context

    from llmlb_cli.groups import LazyGroup, root

    command: object = root()
    context = Context(root(), info_name="llmlb")
    for name in names:
        if not isinstance(command, LazyGroup):
            break
        command = command.get_command(context, name)
    for parameter in getattr(command, "params", ()):
        if parameter.param_type_name == "option" and (isinstance(command, LazyGroup) or not parameter.hidden):
            for spelling in parameter.opts:
                yield spelling, parameter.help or "", not parameter.is_flag
    yield "--help", "Show this page.", False


def _options(typed: Typed) -> list[Candidate]:
    return [Candidate(name, about) for name, about, _ in _known_options(typed.names) if name.startswith("--")]


def _values_of(option: str, typed: Typed) -> Iterable[Candidate]:
    if option in _FILE_OPTIONS:
        return [Candidate(FILES)]
    source = _VALUES.get(option)
    return source(typed) if source is not None else ()


def _arguments(path: str, typed: Typed) -> Iterable[Candidate]:
    source = _ARGUMENTS.get(path)
    return (each for each in source(typed) if each.value not in typed.names) if source is not None else ()


def _words(*values: str) -> Source:
    return lambda typed: [Candidate(value) for value in values]


def _nodes(verb: str = "") -> Source:
    def nodes(typed: Typed) -> Iterable[Candidate]:
        from llmlb_cli.registry import state_text

        rows = _rows(typed, "/v0/nodes", "nodes", {"state": "pending"} if verb == "approve" else {})
        near = [row for row in rows if str(row.get("id", "")).startswith(typed.current)]
        if verb and near:
            from llmlb_cli.fitting import fits

            near = [row for row in near if fits(verb, row)]
        return _of(near, "id", state_text)

    return nodes


def _listed(path: str, name: str, field: str, about: Callable[[Row], str]) -> Source:
    return lambda typed: _of(_rows(typed, path, name, {}), field, about)


def _of(rows: Iterable[Row], field: str, about: Callable[[Row], str]) -> list[Candidate]:
    return [Candidate(str(row.get(field, "")), about(row)) for row in rows]


def _models(typed: Typed) -> list[Candidate]:
    rows = _rows(typed, "/v0/nodes", "nodes", {})
    counts: dict[str, int] = {}
    for row in rows:
        lists = [each for name in ("loaded_models", "available_models") if isinstance(each := row.get(name), list)]
        for model in {str(model) for models in lists for model in models}:
            counts[model] = counts.get(model, 0) + 1
    return [Candidate(model, f"{count} {'node' if count == 1 else 'nodes'}") for model, count in sorted(counts.items())]


def _tags(typed: Typed) -> list[Candidate]:
    """The tags that nodes have already."""
    rows = _rows(typed, "/v0/nodes", "nodes", {})
    lists = [tags for row in rows if isinstance(tags := row.get("tags"), list)]
    return [Candidate(tag) for tag in sorted({str(tag) for tags in lists for tag in tags})]


def _conditions(typed: Typed) -> list[Candidate]:
    if typed.names[:1] and canonical(typed.names[0]) == "alerts":
        return [Candidate(each) for each in ("1h", "8h", "1d", "0")]
    from llmlb_cli.node_waiting import CONDITIONS

    return [Candidate(each) for each in CONDITIONS]


def _contexts(typed: Typed) -> list[Candidate]:
    from llmlb.client.contexts import load_contexts
    from llmlb.client.credentials import default_folders

    known = load_contexts(default_folders(os.environ).contexts).by_name
    return [Candidate(name, context.url) for name, context in known.items()]


def _title_colors(typed: Typed) -> list[Candidate]:
    from llmlb.client.contexts import TITLE_COLORS

    return [Candidate(color) for color in TITLE_COLORS]


def _rows(typed: Typed, path: str, name: str, query: Mapping[str, str]) -> list[Row]:
    """The rows of a list of the router that the line so far is about."""
    from llmlb.client.credentials import resolve
    from llmlb.client.simple import call

    token_file = typed.options.get("--token-file", "")
    if token_file == "-":
        return []
    target = resolve(
        environ=os.environ,
        url=typed.options.get("--url", ""),
        context=typed.options.get("--context", ""),
        token_file=Path(token_file) if token_file else None,
        ca_file=typed.options.get("--ca-file", ""),
    )
    found = call(
        "GET",
        target.url,
        path,
        token=target.token,
        query=query,
        timeout_s=float(typed.options.get("--timeout", TIMEOUT_S)),
        ca_file=target.ca_file or None,
    )
    rows = found.get(name) if isinstance(found, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _text(field: str) -> Callable[[Row], str]:
    return lambda row: str(row.get(field) or "")


_VALUES: Mapping[str, Source] = {
    "-o": _words(*FORMATS),
    "--output": _words(*FORMATS),
    "--color": _words(*COLOURS),
    "--title-color": _title_colors,
    "--context": _contexts,
    "--state": _words("pending", "online", "offline"),
    "--model": _models,
    "-m": _models,
    "--node": _nodes(),
    "--tag": _tags,
    "--untag": _tags,
    "--for": _conditions,
    "--role": _words("admin", "viewer"),
    "--scope": _words("api", "metrics", "admin"),
    "--log-level": _words("debug", "info", "warning", "error"),
    "--log-format": _words("text", "json"),
}
_THRESHOLDS = _words("gpu=", "vram=", "active=", "mode=metrics", "mode=round_robin", "mode=adaptive")
_ALERTS = _listed("/v0/alerts", "alerts", "id", _text("cause"))
_USERS = _listed("/v0/users", "users", "username", _text("role"))
_ARGUMENTS: Mapping[str, Source] = {
    "help": lambda typed: [Candidate(each, entry.summary) for each, entry in COMMANDS.items()],
    "completion": _words(*SHELLS),
    **{f"nodes {verb}": _nodes() for verb in ("get", "set", "wait", "rotate-token")},
    **{f"nodes {verb}": _nodes(verb) for verb in ("approve", "reject", "drain", "undrain", "delete")},
    "nodes why": _models,
    "models get": _models,
    "keys revoke": _listed("/v0/api-keys", "api_keys", "id", _text("name")),
    "join-tokens delete": _listed("/v0/join-tokens", "join_tokens", "id", _text("name")),
    "users set": _USERS,
    "users delete": _USERS,
    "users passwd": _USERS,
    "alerts ack": _ALERTS,
    "alerts silence": _ALERTS,
    **{f"context {verb}": _contexts for verb in ("use", "set", "remove", "show")},
    "thresholds set": _THRESHOLDS,
    "thresholds preview": _THRESHOLDS,
}
assert not set(ALIASES) & set(_ARGUMENTS), "arguments are looked up by the names of the table"


def _split(line: str) -> list[str]:
    """The words of a line up to the cursor, as bash would take them; an open quotation is closed."""
    for closing in ("", '"', "'"):
        try:
            words = shlex.split(line + closing)
        except ValueError:
            continue
        return words if words and not line[-1:].isspace() else [*words, ""]
    return []


def _is_offered(value: str, current: str) -> bool:
    return value.startswith(current) and _HARMLESS.fullmatch(value) is not None


def _line(shell: str, candidate: Candidate, current: str) -> str:
    """A candidate as the shell's script reads it."""
    from llmlb_cli.text import clean, clip

    value, about = candidate.value, clip(clean(candidate.about), 60)
    match shell:
        case "zsh" if value != FILES:
            return f"{value.replace(':', chr(92) + ':')}:{about}" if about else value.replace(":", chr(92) + ":")
        case "fish" if value != FILES:
            return f"{value}\t{about}" if about else value
        case "bash":
            # bash ends a word at : and =, and wants only what comes behind.
            behind = max(current.rfind(":"), current.rfind("=")) + 1
            return value if value == FILES else value[behind:]
        case _:
            return value
