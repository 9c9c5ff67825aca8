"""Text that a terminal can show: cleaned of what moves the cursor, measured in cells, cut to a width."""

from __future__ import annotations

import sys

ELLIPSIS = "…"
ASCII_ELLIPSIS = "~"


def clean(text: str) -> str:
    """One line without control, bidi and other invisible characters; ordinary text comes back unchanged.

    Every kind of white space becomes a space. What the terminal cannot show is left out, not replaced.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " if each.isspace() else "" for each in text)


def clean_value(value: object) -> object:
    """The same for every text within a JSON value, names of fields included; NaN and infinity become None.

    Python's reader accepts NaN, JSON does not know it: passed on, it would break the next reader.
    """
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean(str(name)): clean_value(each) for name, each in value.items()}
        case list():
            return [clean_value(each) for each in value]
        case float() if not -sys.float_info.max <= value <= sys.float_info.max:
            return None
        case _:
            return value


def width(text: str) -> int:
    """How many terminal cells a cleaned text takes: East Asian wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(map(_cell_width, text))


def _cell_width(character: str) -> int:
    import unicodedata  # only texts beyond ASCII need its tables

    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def clip(text: str, cells: int, *, ellipsis: str = ELLIPSIS) -> str:
    """The text, its end replaced by an ellipsis where it is wider than ``cells``."""
    if width(text) <= cells:
        return text
    return _head(text, cells - len(ellipsis)) + ellipsis if cells >= len(ellipsis) else ""


def clip_middle(text: str, cells: int, *, ellipsis: str = ELLIPSIS) -> str:
    """The same with the middle replaced: names of machines differ at their ends."""
    if width(text) <= cells:
        return text
    room = cells - len(ellipsis)
    if room < 2:
        return clip(text, cells, ellipsis=ellipsis)
    tail = _head(text[::-1], room // 2)[::-1]
    return _head(text, room - width(tail)) + ellipsis + tail


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """The text filled with spaces to ``cells``; ``right`` aligns it to the right."""
    filling = " " * max(0, cells - width(text))
    return filling + text if right else text + filling


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that counts: node-2 before node-10."""
    import re

    parts = re.findall(r"(\d{1,18})|(\D+|\d+)", text)
    return tuple((0, int(digits), "") if digits else (1, 0, letters.casefold()) for digits, letters in parts)


def _head(text: str, cells: int) -> str:
    taken, used = 0, 0
    for character in text:
        used += _cell_width(character)
        if used > cells:
            break
        taken += 1
    return text[:taken]
