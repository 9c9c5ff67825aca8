"""The command line of the console: what can be typed behind the colon."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NamedTuple

from llmlb_tui.model.actions import ACTIONS, Group
from llmlb_tui.model.advice import Advice
from llmlb_tui.model.filters import FIELDS
from llmlb_tui.model.sorting import SORT_KEYS


class Command(NamedTuple):
    """What was typed: a name of ``COMMANDS``, and the rest of the line."""

    name: str
    rest: str


class Usage(NamedTuple):
    """rest: what may follow.  words: completions for it; "nodes" stands for the ids of the fleet."""

    rest: str
    about: str
    words: tuple[str, ...] = ()


_NODES = ("nodes",)
COMMANDS: dict[str, Usage] = {
    "node": Usage("ID", "go to a node", _NODES),
    "filter": Usage("QUERY", "show only rows that match; nothing shows all", tuple(f"{field}:" for field in FIELDS)),
    "sort": Usage("KEY[,KEY]", "order the rows; -KEY reverses", tuple(SORT_KEYS)),
    "columns": Usage("KEY[,KEY]", "choose the columns; nothing chooses the usual ones"),
    "save": Usage("1..4 [NAME]", "keep the present filter, order and columns as a view"),
    "theme": Usage("NAME", "change the colours; a theme file of your own is followed while you edit it"),
    "bell": Usage("on|off", "ring, and notify by OSC 9, when a critical alert begins to fire", ("on", "off")),
    "ctx": Usage("NAME", "look at another router"),
    "why": Usage("MODEL", "why a request for a model would go where it goes"),
    "seek": Usage("TIME", "go to an instant of a replay: 11:58:20, +30s, -5m, 50%"),
    "export": Usage("json|csv [FILE]", "write the listed nodes to a file", ("json", "csv")),
}
_BY_NAME = {action.id.replace("_", "-"): action for action in ACTIONS if action.group is not Group.MOVE}


def names() -> list[str]:
    """Everything that can be typed first: the commands, then the actions by name."""
    return [*COMMANDS, *(name for name in _BY_NAME if name not in COMMANDS)]


def read_command(text: str) -> Command | str:
    """What was typed, or what is wrong with it."""
    name, _, rest = text.strip().partition(" ")
    if not name:
        return "nothing was typed"
    known = names()
    if name in known:
        return Command(name, rest.strip())
    starting = [each for each in known if each.startswith(name)]
    if len(starting) == 1:
        return Command(starting[0], rest.strip())
    near = starting or difflib.get_close_matches(name, known, n=3)
    return f"there is no command {name!r}" + (
        f"; did you mean {', '.join(near[:4])}?" if near else "; ? lists the keys"
    )


def action_of(name: str) -> str:
    """The action that a command's name stands for, "" for none."""
    return _BY_NAME[name].id if name in _BY_NAME else ""


def advise(text: str) -> Advice:
    """What stands under the line while it is typed."""
    name, space, _ = text.partition(" ")
    if name in COMMANDS:
        usage = COMMANDS[name]
        return Advice(f"{name} {usage.rest}: {usage.about}")
    if name in _BY_NAME:
        return Advice(_BY_NAME[name].about)
    if space:
        return Advice(f"there is no command {name!r}", 0, is_trouble=True)
    found = [each for each in names() if each.startswith(name)]
    if not found:
        return Advice(f"no command begins with {name!r}", 0, is_trouble=True)
    return Advice("  ".join(found[:9]) + ("  ..." if len(found) > 9 else ""))


def complete(text: str, node_ids: Sequence[str]) -> str:
    """The line that Tab makes of it, "" for nothing."""
    name, space, rest = text.partition(" ")
    if not space:
        found = next((each for each in names() if name and each.startswith(name)), "")
        return f"{found} " if found in COMMANDS else found
    words: Sequence[str] = COMMANDS[name].words if name in COMMANDS else ()
    if words == _NODES:
        words = node_ids
    head, comma, last = rest.rpartition(",")
    word = next((each for each in words if last and each.startswith(last)), "")
    return f"{name} {head}{comma}{word}" if word else ""
