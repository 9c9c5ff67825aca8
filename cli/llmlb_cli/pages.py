"""Help as text: the front page from the table of commands, the others from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from llmlb_cli.tree import COMMANDS, SECTIONS, Noun, Verb, aliases_of, canonical

if TYPE_CHECKING:
    from typer._click.core import Command, Context

CELLS = 80
"""Help is laid out for the narrowest terminal that is still common."""

EXAMPLES = "Examples:"
"""The line of a command's docstring after which its examples stand, one a line."""

_PANELS = ("Options", "Output", "Connection", "Consent", "Common")


def front_page() -> str:
    """What ``llmlb --help`` shows; needs nothing but the table."""
    lines = [
        "Usage: llmlb COMMAND [OPTIONS]",
        "",
        "One OpenAI-compatible endpoint for a fleet of self-hosted LLM engines.",
    ]
    for title, names in SECTIONS.items():
        rows = [(_with_verbs(name), COMMANDS[name].summary) for name in names]
        lines += ["", title, *_columns(rows, first=14)]
    lines += [
        "",
        "Start here: llmlb serve, then llmlb agent beside each engine, then llmlb nodes",
        "approve. To see it all at work on this machine: llmlb demo",
        "",
        "llmlb COMMAND --help shows examples and options; -o json gives data.",
    ]
    return "".join(f"{line}\n" for line in lines)


def table_page(words: Sequence[str]) -> str:
    """The help page behind these words where the table alone can write it: the front page or a noun's; else ""."""
    match list(words):
        case []:
            return front_page()
        case [name]:
            noun = COMMANDS.get(canonical(name))
            return noun_page(canonical(name), noun) if isinstance(noun, Noun) else ""
        case _:
            return ""


def noun_page(name: str, noun: Noun) -> str:
    """What ``llmlb nodes --help`` shows."""
    rows = [(verb, entry.summary) for verb, entry in noun.verbs.items()]
    lines = [f"Usage: llmlb {name} VERB [OPTIONS]", "", f"{noun.summary}.", "", "Verbs", *_columns(rows, first=12)]
    if others := aliases_of(name):
        lines += ["", f"Also as: {', '.join(f'llmlb {other}' for other in others)}"]
    lines += ["", f"llmlb {name} VERB --help shows examples and options."]
    return "".join(f"{line}\n" for line in lines)


def verb_page(command: Command, context: Context, *, exit_codes: str) -> str:
    """What ``llmlb nodes list --help`` shows: what for, examples, then everything else."""
    text, examples = split_docstring(command.help or "")
    pieces = " ".join(["[OPTIONS]", *_argument_pieces(command, context)])
    lines = [f"Usage: {context.command_path} {pieces}", "", *_wrapped(text)]
    if examples:
        lines += ["", EXAMPLES.removesuffix(":"), *(f"  {example}" for example in examples)]
    for title, rows in option_tables(command, context).items():
        lines += ["", title, *_columns(rows, first=28)]
    lines += ["", *_wrapped(exit_codes)]
    return "".join(f"{line}\n" for line in lines)


def option_tables(command: Command, context: Context) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Arguments and options by title, each as (spelling, help)."""
    tables: dict[str, list[tuple[str, str]]] = {"Arguments": [], **{panel: [] for panel in _PANELS}}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            is_argument = parameter.param_type_name == "argument"
            panel = "Arguments" if is_argument else getattr(parameter, "rich_help_panel", None) or "Options"
            tables[panel].append((record[0].removeprefix("* ").strip(), record[1]))
    return {title: rows for title, rows in tables.items() if rows}


def split_docstring(text: str) -> tuple[str, list[str]]:
    """A command's docstring as its text and its examples."""
    before, _, after = text.partition(EXAMPLES)
    return before.strip(), [line.strip() for line in after.splitlines() if line.strip()]


def _argument_pieces(command: Command, context: Context) -> list[str]:
    return [
        piece
        for parameter in command.get_params(context)
        if parameter.param_type_name == "argument"
        for piece in parameter.get_usage_pieces(context)
    ]


def _with_verbs(name: str) -> str:
    match COMMANDS[name]:
        case Noun():
            return f"{name} ..."
        case Verb():
            return name


def _columns(rows: Iterable[tuple[str, str]], *, first: int) -> list[str]:
    """Two columns; a name too long for the first one gets a line of its own."""
    lines = []
    for name, text in rows:
        head = f"  {name}"
        body = _wrapped(text, CELLS - first - 4)
        if len(head) <= first + 2:
            lines.append(f"{head:{first + 4}}{body[0] if body else ''}".rstrip())
            body = body[1:]
        else:
            lines.append(head)
        lines += [" " * (first + 4) + line for line in body]
    return lines


def _wrapped(text: str, cells: int = CELLS) -> list[str]:
    """The paragraphs, filled to the width. textwrap does the same, and costs more than the whole front page."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        if lines:
            lines.append("")
        line = ""
        for word in paragraph.split():
            if line and len(line) + 1 + len(word) > cells:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}".lstrip()
        lines.append(line)
    return lines
