"""The page about the console, its tables written from the console's own: ``python -m llmlb_tui.reference``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from llmlb.client.filters import Vocabulary
from llmlb_tui.model.actions import ACTIONS, Action, Danger, Group, Place
from llmlb_tui.model.commands import COMMANDS
from llmlb_tui.model.filters import NODES
from llmlb_tui.model.listed import ALERTS, EVENTS, KEYS, REQUESTS
from llmlb_tui.model.sorting import SORT_KEYS
from llmlb_tui.render.columns import COLUMNS
from llmlb_tui.themes import PALETTES

FILE = Path(__file__).parents[2] / "docs" / "console.md"

S = TypeVar("S")

_HINT = "written by python -m llmlb_tui.reference"


def reference(page: str) -> str:
    """The page with every table between its marks written anew. Raises ValueError where a mark is missing."""
    for name, rows in _tables().items():
        begin, end = f"<!-- {name}: {_HINT} -->\n", f"<!-- end of {name} -->"
        head, found, rest = page.partition(begin)
        _, closed, tail = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"docs/console.md has no place for {name}: {begin.strip()} ... {end}")
        page = head + begin + "\n".join(rows) + "\n" + end + tail
    return page


def _tables() -> Mapping[str, list[str]]:
    return {
        "keys": list(_keys()),
        "commands": list(_commands()),
        "fields": list(_fields(NODES)),
        "request fields": list(_fields(REQUESTS)),
        "event fields": list(_fields(EVENTS)),
        "alert fields": list(_fields(ALERTS)),
        "key fields": list(_fields(KEYS)),
        "columns": list(_columns()),
        "orders": [", ".join(f"`{key.name}` (s {key.letter})" for key in SORT_KEYS.values()) + "."],
        "themes": [", ".join(f"`{name}`" for name in PALETTES) + "."],
    }


def _keys() -> Iterator[str]:
    for group in Group:
        yield from ("", f"**{group}**", "", "| keys | where | what | from a shell |", "|---|---|---|---|")
        for action in ACTIONS:
            if action.group is group:
                yield _row(_key_names(action), _places(action), _about(action), _shell(action))
    yield ""


def _key_names(action: Action) -> str:
    return " ".join(_code(key) for key in action.shown_keys)


def _places(action: Action) -> str:
    return "everywhere" if len(action.places) == len(Place) else ", ".join(action.places)


def _about(action: Action) -> str:
    match action.danger:
        case Danger.NONE:
            return action.about
        case Danger.ASK:
            return f"{action.about}; asks, with Cancel chosen"
        case Danger.TYPED:
            return f"{action.about}; what is dangerous must be typed"


def _shell(action: Action) -> str:
    return (
        _code(action.cli.replace("{ids}", "ID...")) if action.cli.startswith("llmlb") else action.cli or action.no_cli
    )


def _commands() -> Iterator[str]:
    yield from ("| command | what |", "|---|---|")
    for name, usage in COMMANDS.items():
        yield _row(_code(f":{name} {usage.rest}"), usage.about)


def _fields(vocabulary: Vocabulary[S]) -> Iterator[str]:
    yield from ("| field | compared as |", "|---|---|")
    if vocabulary.states:
        yield _row(_code("state"), "a state: " + ", ".join(vocabulary.states))
    yield _row(" ".join(map(_code, vocabulary.texts)), "text")
    by_units: dict[tuple[str, ...], list[str]] = {}
    for name, figure in vocabulary.figures.items():
        by_units.setdefault(tuple(figure.units), []).append(name)
    for units, names in by_units.items():
        endings = " ".join(_code(unit) for unit in units if unit)
        ages = ", with `<` and `>` as an age" if vocabulary.texts.keys() & set(names) else ""
        yield _row(" ".join(map(_code, names)), f"a figure{ages}; it may end in {endings}")


def _columns() -> Iterator[str]:
    yield from ("| column | header | what |", "|---|---|---|")
    for column in COLUMNS.values():
        yield _row(_code(column.key), column.header, column.about)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    FILE.write_text(reference(FILE.read_text(encoding="utf-8")), encoding="utf-8")
