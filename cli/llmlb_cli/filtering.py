"""``--filter``: the language of the console over the rows of any list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from llmlb.client.filters import (
    BYTES,
    DEGREES,
    MILLISECONDS,
    PERCENT,
    PLAIN,
    SECONDS,
    Figure,
    Predicate,
    Vocabulary,
    read_filter,
)
from llmlb.errors import FilterError
from llmlb_cli import units
from llmlb_cli.ages import skew_s
from llmlb_cli.columns import Column, Row, value_at
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.text import clean, width

T = TypeVar("T")

_UNITS: Mapping[Callable[[object], str], Mapping[str, float]] = {
    units.percent: PERCENT,
    units.degrees: DEGREES,
    units.milliseconds: MILLISECONDS,
    units.duration: SECONDS,
    units.size: BYTES,
    units.count: PLAIN,
}
"""How a figure is typed, by how it is shown."""


def admitted(kind: str, columns: Sequence[Column], rows: Sequence[Row], text: str) -> list[Row]:
    """The rows that a filter lets through; nodes are asked exactly as the console asks them.

    Raises Failure that shows where the filter stops making sense.
    """
    if not text.strip():
        return list(rows)
    admits = _of_nodes(text, rows) if kind == "NodeList" else _of_rows(text, columns, rows)
    return [row for row in rows if admits(row)]


def vocabulary_of(columns: Sequence[Column], rows: Sequence[Row]) -> Vocabulary[Row]:
    """What can be asked of rows that have no language of their own: each column, by either name, and each other field.

    An instant is a text, and with < and > an age: ``created>1d`` is what is older than a day.
    """
    texts: dict[str, Callable[[Row], Iterable[str]]] = {}
    figures: dict[str, Figure[Row]] = {}
    shown = {name for column in columns for name in (column.key, column.short)}
    fields = dict.fromkeys(name for row in rows for name in row if name not in shown)
    for column in (*columns, *(_column_of(name, rows) for name in fields)):
        for name in filter(None, (column.key, column.short)):
            if column.right or column.text in _UNITS:
                figures[name] = Figure(_number_in(column), _UNITS.get(column.text, PLAIN))
                continue
            texts[name] = _texts_in(column)
            if column.text is units.instant:
                figures[name] = Figure(_age_in(column), SECONDS)
    return Vocabulary(lambda row: [text for texts_of in texts.values() for text in texts_of(row)], texts, figures, {})


def _column_of(name: str, rows: Sequence[Row]) -> Column:
    values = [value for row in rows if (value := value_at(row, name)) is not None]
    return Column(name, name, right=bool(values) and all(type(value) in (int, float) for value in values))


def _number_in(column: Column) -> Callable[[Row], float | None]:
    def number(row: Row) -> float | None:
        value = column.value(row)
        return float(value) if isinstance(value, int | float) else None

    return number


def _age_in(column: Column) -> Callable[[Row], float | None]:
    from llmlb.clock import unix_s

    now_unix_s = unix_s()

    def age_s(row: Row) -> float | None:
        value = column.value(row)
        try:
            return now_unix_s - datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
        except (ValueError, OverflowError):
            return None

    return age_s


def _texts_in(column: Column) -> Callable[[Row], list[str]]:
    def texts(row: Row) -> list[str]:
        match column.value(row):
            case None | "":
                return []
            case bool() as is_so:
                return ["yes", "true"] if is_so else ["no", "false"]
            case list() | tuple() as values:
                return [units.plain(value) for value in values]
            case value:
                return [units.plain(value)]

    return texts


def _of_nodes(text: str, rows: Sequence[Row]) -> Predicate[Row]:
    from llmlb.clock import unix_s
    from llmlb_tui.model.filters import parse_filter
    from llmlb_tui.model.nodes import read_node

    now_unix_s = unix_s()
    now_unix_s -= skew_s(rows, now_unix_s)
    wanted = _read(text, lambda: parse_filter(text))

    def admits(row: Row) -> bool:
        node = read_node(row, now_unix_s)
        return node is not None and wanted.admits(node, now_unix_s)

    return admits


def _of_rows(text: str, columns: Sequence[Column], rows: Sequence[Row]) -> Predicate[Row]:
    return _read(text, lambda: read_filter(text, vocabulary_of(columns, rows)))


def _read(text: str, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except FilterError as error:
        caret = " " * width(clean(text[: error.position])) + "^"
        raise Failure(
            f"--filter: {error.message}",
            exit_code=ExitCode.USAGE,
            details=(text, caret),
            code="filter",
            hint="for example: --filter 'state:online gpu>80', or a part of a name",
        ) from error
