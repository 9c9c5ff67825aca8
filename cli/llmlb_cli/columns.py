"""What a table shows: the column and how one is chosen; the columns of each noun are in ``registry``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from llmlb_cli.exits import Failure, usage
from llmlb_cli.text import natural_key
from llmlb_cli.units import plain

Row = Mapping[str, object]
"""One object of the router's answer."""


class Column(NamedTuple):
    """One column. key: the field's name in JSON.  short: another name for ``--fields`` and ``--sort-by``.

    get: the raw value, where it is more than the field itself.  text: the value as a cell of a table.
    wide: only in the wide table.  right: figures stand at the right.  shrinks: may be cut on a narrow terminal.
    tone: the colour of a cell, as the number of an SGR code, 0 for none; it only repeats what the text says.
    ticks: it merely counts time, so a new value is no change of the row.
    """

    key: str
    header: str
    short: str = ""
    text: Callable[[object], str] = plain
    get: Callable[[Row], object] | None = None
    cell: Callable[[Row], str] | None = None
    wide: bool = False
    right: bool = False
    shrinks: bool = False
    tone: Callable[[Row], int] | None = None
    ticks: bool = False

    def value(self, row: Row) -> object:
        """The raw value, for machines and for sorting; None when it is unknown."""
        return value_at(row, self.key) if self.get is None else self.get(row)

    def cell_text(self, row: Row) -> str:
        """The cell of a table."""
        return self.text(self.value(row)) if self.cell is None else self.cell(row)

    def sort_key(self, row: Row) -> tuple[int, float, tuple[tuple[int, int, str], ...]]:
        """Figures before texts, node-2 before node-10. Only for rows that have a value."""
        value = self.value(row)
        if isinstance(value, int | float):
            return (0, float(value), ())
        return (1, 0.0, natural_key(plain(value)))


def chosen_columns(
    columns: Sequence[Column], rows: Sequence[Row], *, fields: Sequence[str], wide: bool
) -> Sequence[Column]:
    """The columns to show; any field of the rows may be named, also one that no column shows.

    Raises Failure for a name that is neither a column nor a field.
    """
    if not fields:
        return [column for column in columns if wide or not column.wide]
    known = {name: column for column in columns for name in (column.key, column.short) if name}
    return [known.get(name) or _column_of_field(name, known, rows) for name in fields]


def value_at(row: Row, path: str) -> object:
    """The field of a row; a dot leads into an object."""
    value: object = row
    for part in (path,) if path in row else path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _column_of_field(name: str, known: Mapping[str, Column], rows: Sequence[Row]) -> Column:
    # Without rows there is nothing to check against, and nothing to show.
    if any(name in row or value_at(row, name) is not None for row in rows) or not rows:
        return Column(name, name.upper().replace("_", " "))
    raise _unknown(name, sorted({*known, *(field for row in rows[:1] for field in row)}))


def _unknown(name: str, names: Sequence[str]) -> Failure:
    from llmlb_cli.suggestions import did_you_mean

    close = did_you_mean(name, names)
    return usage(f'there is no field "{name}"', hint=close or f"the fields are {', '.join(names)}")
