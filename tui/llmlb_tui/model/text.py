"""Text from strangers, made safe to draw: cleaned once where it comes in, measured and cut where it is shown."""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len, set_cell_size

from llmlb.wire.text import clean_text

MAX_CHARACTERS = 2_000
_CACHED_TEXTS = 20_000
_MARKS_IN_ROW = 2
"""Combining marks that may follow one letter: enough for any script, too few to climb over other lines."""

_is_of_single_cells = re.compile("[ -~\u00a0-\u00ac\u00ae-\u02ff\u0370-\u0482\u2500-\u25fc\u2800-\u28ff]*").fullmatch
"""Letters of the west, and what bars and lines are drawn with: found ten times as fast as a text is measured."""

_cleaned: dict[str, str] = {}


def clean(value: object, limit: int = MAX_CHARACTERS) -> str:
    """One line of a stranger's text without anything that acts on a terminal; "" for what is no text.

    limit: characters kept; what was cut ends in ``...``.
    """
    if not isinstance(value, str):
        return ""
    if len(value) > limit:
        return _cleaned_now(value[: limit - 3]) + "..."
    known = _cleaned.get(value)
    if known is None:
        known = _cleaned_now(value)
        if len(_cleaned) >= _CACHED_TEXTS:
            _cleaned.clear()
        _cleaned[value] = known
    return known


def _cleaned_now(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text.strip()
    spaced = "".join(" " if character.isspace() else character for character in text)
    kept: list[str] = []
    marks = 0
    for character in clean_text(spaced):
        category = unicodedata.category(character)
        if category in ("Mn", "Me"):
            marks += 1
            if marks > _MARKS_IN_ROW or not kept:
                continue
        elif category[0] == "C":  # controls, formats such as joiners and tags, surrogates, unassigned
            continue
        else:
            marks = 0
        kept.append(character)
    return "".join(kept).strip()


def width(text: str) -> int:
    """Cells that a text takes."""
    return len(text) if text.isascii() or _is_of_single_cells(text) else cell_len(text)


def fitted(text: str, cells: int, *, ellipsis: str = "…") -> str:
    """The text in exactly ``cells`` cells, cut at the end where it is longer, filled with blanks where shorter."""
    used = width(text)
    if used <= cells:
        return text + " " * (cells - used)
    if cells <= width(ellipsis):
        return set_cell_size(ellipsis, cells)
    return set_cell_size(text, cells - width(ellipsis)) + ellipsis


def cut(text: str, cells: int, *, ellipsis: str = "…") -> str:
    """The text, cut at the end where it is longer than ``cells``."""
    return text if width(text) <= cells else fitted(text, cells, ellipsis=ellipsis)


def middle_cut(text: str, cells: int, *, ellipsis: str = "…") -> str:
    """The text in at most ``cells`` cells; names differ at both ends, so the middle goes: ``gpu-e…0741``."""
    if width(text) <= cells or not text.isascii():
        return cut(text, cells, ellipsis=ellipsis)
    room = cells - width(ellipsis)
    head = max(0, room - room // 2)
    tail = max(0, room - head)
    return cut(text[:head] + ellipsis + (text[-tail:] if tail else ""), cells, ellipsis="")


def right(text: str, cells: int, *, ellipsis: str = "…") -> str:
    """The text at the right end of ``cells`` cells, cut where it is longer."""
    used = width(text)
    return " " * (cells - used) + text if used <= cells else fitted(text, cells, ellipsis=ellipsis)


def ascii_only(text: str) -> str:
    """A text for terminals without Unicode, just as wide: what is not ASCII becomes question marks."""
    if text.isascii():
        return text
    return "".join(each if each.isascii() else "~" if each == "…" else "?" * cell_len(each) for each in text)
