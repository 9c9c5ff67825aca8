"""On which line of a TOML document each key is written; the standard parser does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

Path = tuple[str, ...]

# In this order: a string may hold anything, a comment anything but a newline.
_TOKEN = re.compile(
    r'(?P<text>"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*')"
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<bare>[A-Za-z0-9_+-]+)"
    r"|(?P<newline>\n)"
    r"|(?P<sign>[^\s])",
    re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def key_lines(document: str) -> Mapping[Path, int]:
    """The line, counted from 1, of each table header and each key outside inline tables.

    document: valid TOML.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    for statement in _statements(document):
        first = statement[0]
        if first.text == "[" and first.kind == "sign":
            table = _path(statement)
            lines.setdefault(table, first.line)
            continue
        lines.setdefault(table + _path(statement), first.line)
    return lines


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """The line of a key, or of the first below it, or of the nearest enclosing key or table; 1 when none has one."""
    if path not in lines and (below := [line for key, line in lines.items() if key[: len(path)] == path]):
        return min(below)
    for length in range(len(path), 0, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
    return 1


def _statements(document: str) -> Iterator[list[_Token]]:
    """Splits a document at those newlines that end a statement: the ones outside arrays and inline tables."""
    statement: list[_Token] = []
    depth = 0
    for token in _tokens(document):
        if token.kind == "newline":
            if depth == 0 and statement:
                yield statement
                statement = []
            continue
        statement.append(token)
        if token.kind == "sign":
            depth += (token.text in "[{") - (token.text in "]}")
    if statement:
        yield statement


def _tokens(document: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(document):
        kind, text = match.lastgroup or "", match.group()
        if kind != "comment":
            yield _Token(kind, text, line)
        line += text.count("\n")


def _path(statement: list[_Token]) -> Path:
    """The dotted key at the head of a statement: up to ``=`` or, in a header, the first closing bracket."""
    parts: list[str] = []
    for token in statement:
        match token.kind, token.text:
            case "sign", "=" | "]":
                break
            case "bare", text:
                parts.append(text)
            case "text", text:
                parts.append(str(tomllib.loads(f"key = {text}")["key"]))
    return tuple(parts)
