"""Rows as a table of text: aligned by terminal cells, cut to the terminal's width, never wrapped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llmlb_cli.columns import Column, Row
from llmlb_cli.text import ASCII_ELLIPSIS, ELLIPSIS, clean, clip, clip_middle, pad, width

GAP = "  "
MIN_SHRUNK_CELLS = 8
"""Below this a cut name says nothing; then the line itself is cut at the right."""


class Style(NamedTuple):
    """How the table may look. cells: the terminal's width, 0 for no limit."""

    cells: int = 0
    has_colour: bool = False
    is_unicode: bool = True
    headers: bool = True


def table_text(columns: Sequence[Column], rows: Sequence[Row], style: Style) -> str:
    """The whole table, each line ended; only the header line when there are no rows."""
    body = [[clean(column.cell_text(row)) for column in columns] for row in rows]
    header = [clean(column.header) for column in columns]
    widths = _widths(columns, [header, *body] if style.headers or not body else body)
    if style.cells:
        widths = _shrunk(columns, widths, style.cells)
    lines = [_line(columns, cells, widths, style) for cells in body]
    if style.has_colour:
        lines = [_toned(columns, row, cells, widths, style) for row, cells in zip(rows, body, strict=True)]
    if style.headers:
        title = _line(columns, header, widths, style)
        lines.insert(0, f"\x1b[1m{title}\x1b[0m" if style.has_colour else title)
    return "".join(f"{line}\n" for line in lines)


def _widths(columns: Sequence[Column], lines: Sequence[Sequence[str]]) -> list[int]:
    return [max((width(cells[index]) for cells in lines), default=0) for index in range(len(columns))]


def _shrunk(columns: Sequence[Column], widths: Sequence[int], cells: int) -> list[int]:
    """The widths with the widest of the columns that may shrink made smaller until the line fits."""
    fitted = list(widths)
    free = [index for index, column in enumerate(columns) if column.shrinks]
    excess = sum(fitted) + len(GAP) * (len(fitted) - 1) - cells
    while excess > 0 and free:
        widest = max(free, key=fitted.__getitem__)
        if fitted[widest] <= MIN_SHRUNK_CELLS:
            break
        fitted[widest] -= 1
        excess -= 1
    return fitted


def _cell(column: Column, text: str, cells: int, style: Style) -> str:
    ellipsis = ELLIPSIS if style.is_unicode else ASCII_ELLIPSIS
    return pad(clip_middle(text, cells, ellipsis=ellipsis), cells, right=column.right)


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int], style: Style) -> str:
    parts = (_cell(column, text, size, style) for column, text, size in zip(columns, cells, widths, strict=True))
    whole = GAP.join(parts).rstrip()
    return clip(whole, style.cells, ellipsis=ELLIPSIS if style.is_unicode else ASCII_ELLIPSIS) if style.cells else whole


def _toned(columns: Sequence[Column], row: Row, cells: Sequence[str], widths: Sequence[int], style: Style) -> str:
    """The line with its coloured cells; a line that had to be cut stays plain, so that no code is cut in two."""
    plain_line = _line(columns, cells, widths, style)
    if style.cells and width(plain_line) >= style.cells:
        return plain_line
    parts = []
    for column, text, size in zip(columns, cells, widths, strict=True):
        tone = column.tone(row) if column.tone else 0
        cell = _cell(column, text, size, style)
        shown = cell.rstrip()
        parts.append(f"\x1b[{tone}m{shown}\x1b[0m{cell[len(shown) :]}" if tone else cell)
    return GAP.join(parts).rstrip()
