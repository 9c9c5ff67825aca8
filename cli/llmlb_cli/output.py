"""The only writer of stdout: plain text, or rows and objects in the format that was asked for."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TextIO

from llmlb_cli.columns import Column, Row, chosen_columns, value_at
from llmlb_cli.exits import Failure, note

FORMATS = ("table", "wide", "json", "jsonl", "yaml", "csv", "tsv", "name")
COLOURS = ("auto", "always", "never")
API_VERSION = "llmlb/v1"


class View(NamedTuple):
    """How rows are to be shown. fields and sort_by: of a column's key or short name; ``-`` in front reverses.

    limit: rows shown, 0 for all.  filter: which rows, in the language of ``filtering``.  colour: auto, always, never.
    """

    format: str = "table"
    fields: tuple[str, ...] = ()
    sort_by: tuple[str, ...] = ()
    headers: bool = True
    limit: int = 0
    quiet: bool = False
    filter: str = ""
    colour: str = "auto"

    @property
    def is_human(self) -> bool:
        """True for the formats that people read; the others are data and never change their bytes."""
        return self.format in ("table", "wide")


class Listing(NamedTuple):
    """Rows of one kind. name: the field that ``-o name`` prints.  sort_by: the order among equals, and when none was
    asked for.  empty: what a person is told when there are none, "no nodes" if it is left out."""

    kind: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    meta: Mapping[str, object] = {}
    name: str = "id"
    sort_by: tuple[str, ...] = ()
    empty: str = ""


def write(text: str) -> None:
    """Write text to stdout as it is. A reader that went away (``| head``) ends the command silently with 0."""
    stream: TextIO | None = sys.stdout
    if stream is None:  # closed by whoever started us
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        # A terminal that cannot show a character gets its escape, never a crash.
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        _leave_quietly()
    except OSError as error:
        raise Failure(f"cannot write to stdout: {error.strerror}", hint="is the disk full?") from error


def line(text: str = "") -> None:
    """Write one line to stdout."""
    write(text + "\n")


Take = Callable[[Listing, View], None]
_takers: list[Take] = []


@contextlib.contextmanager
def shown_by(take: Take) -> Iterator[None]:
    """Within, lists go to ``take`` instead of stdout: --watch shows them its own way."""
    _takers.append(take)
    try:
        yield
    finally:
        _takers.pop()


def show(listing: Listing, view: View) -> None:
    """Write the rows: those that the filter admits, sorted, cut and in the format of the view."""
    if _takers:
        _takers[-1](listing, view)
        return
    rows = chosen_rows(listing, view)
    write(list_text(listing, rows, view))
    if not rows and view.is_human and not view.quiet:
        note(f"no {_plural(listing.kind)} match" if view.filter else listing.empty or f"no {_plural(listing.kind)}")


def chosen_rows(listing: Listing, view: View) -> list[Row]:
    """The rows that the filter admits, sorted and cut; what was cut is told on stderr."""
    if view.filter:
        from llmlb_cli.filtering import admitted

        listing = listing._replace(rows=admitted(listing.kind, listing.columns, listing.rows, view.filter))
    rows = sorted_rows(listing, (*view.sort_by, *listing.sort_by))
    if view.limit and len(rows) > view.limit:
        if not view.quiet:
            note(f"note: {view.limit} of {len(rows)} shown, --limit 0 for all")
        rows = rows[: view.limit]
    return rows


def list_text(listing: Listing, rows: Sequence[Row], view: View) -> str:
    """These rows of a listing in the format of the view."""
    import llmlb_cli.formats as formats  # a command that only writes a line needs none of it

    # The columns are checked against all rows, so that a filter that admits none hides no misspelt field.
    columns = chosen_columns(listing.columns, listing.rows, fields=view.fields, wide=view.format != "table")
    match view.format:
        case "json" | "yaml":
            document = _document(listing, [formats.picked(row, view.fields, listing.columns) for row in rows])
            return formats.json_text(document) if view.format == "json" else formats.yaml_text(document)
        case "jsonl":
            items = (formats.picked(row, view.fields, listing.columns) for row in rows)
            return "".join(formats.json_line(item) for item in items)
        case "csv" | "tsv":
            return formats.separated(columns, rows, headers=view.headers, tabs=view.format == "tsv")
        case "name":
            return "".join(f"{value_at(row, listing.name)}\n" for row in rows)
        case _:
            return _table(columns, rows, view)


def show_object(kind: str, item: Row, view: View, *, name: str = "id", columns: Sequence[Column] = ()) -> None:
    """Write one object: as data, or for people as one line per field."""
    import llmlb_cli.formats as formats

    picked = formats.picked(item, view.fields, columns)
    match view.format:
        case "json" | "yaml":
            document = {"apiVersion": API_VERSION, "kind": kind, "item": picked}
            write(formats.json_text(document) if view.format == "json" else formats.yaml_text(document))
        case "jsonl":
            write(formats.json_line(picked))
        case "csv" | "tsv":
            known = columns or [Column(name, name.upper()) for name in item]
            shown = chosen_columns(known, [item], fields=view.fields, wide=True)
            write(formats.separated(shown, [item], headers=view.headers, tabs=view.format == "tsv"))
        case "name":
            line(str(value_at(item, name)))
        case _:
            write(formats.fields_text(picked, columns, cells=terminal_cells()))


def sorted_rows(listing: Listing, sort_by: Sequence[str]) -> list[Row]:
    """The rows by the columns named, the first one most; rows without a value come last either way."""
    rows = list(listing.rows)
    for name in reversed(sort_by):
        (column,) = chosen_columns(listing.columns, rows, fields=(name.removeprefix("-"),), wide=True)
        known = [row for row in rows if column.value(row) is not None]
        absent = [row for row in rows if column.value(row) is None]
        rows = sorted(known, key=column.sort_key, reverse=name.startswith("-")) + absent
    return rows


def is_terminal() -> bool:
    """Whether stdout is a terminal, so that what is written may change in place."""
    stream: TextIO | None = sys.stdout
    return stream is not None and stream.isatty()


def terminal_cells() -> int:
    """The width of the terminal in cells, 0 where stdout is none: a pipe gets whole lines."""
    if not is_terminal():
        return 0
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    with contextlib.suppress(OSError):
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    return 80


def terminal_lines() -> int:
    """The height of the terminal in lines; some do not know theirs."""
    with contextlib.suppress(OSError, ValueError):
        return os.get_terminal_size(sys.stdout.fileno()).lines or 24
    return 24


def leave_if_unread() -> None:
    """End the command with 0 when stdout is a pipe that nobody reads any more, although there is nothing to write."""
    import select

    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return
    if not hasattr(select, "poll"):
        return
    poll = select.poll()
    poll.register(descriptor, 0)
    if any(state & (select.POLLERR | select.POLLNVAL) for _, state in poll.poll(0)):
        raise SystemExit(0)


def has_colour(choice: str = "auto") -> bool:
    """Whether stdout may carry colour. choice: of --color; auto is a terminal, unless the environment says no."""
    if choice != "auto":
        return choice == "always"
    environ = os.environ
    refused = environ.get("NO_COLOR") or environ.get("CLICOLOR") == "0" or environ.get("TERM") in ("dumb", "unknown")
    return not refused and (is_terminal() or bool(environ.get("FORCE_COLOR")))


def is_unicode() -> bool:
    """Whether stdout can show more than ASCII."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"


def _document(listing: Listing, items: Sequence[object]) -> dict[str, object]:
    meta = {**listing.meta, "count": len(items)}
    return {"apiVersion": API_VERSION, "kind": listing.kind, "items": items, "meta": meta}


def _table(columns: Sequence[Column], rows: Sequence[Row], view: View) -> str:
    from llmlb_cli.table import Style, table_text

    colour = has_colour(view.colour)
    return table_text(columns, rows, Style(terminal_cells(), colour, is_unicode(), headers=view.headers))


def _plural(kind: str) -> str:
    """``ApiKeyList`` as ``api keys``."""
    words = "".join(f" {each.lower()}" if each.isupper() else each for each in kind.removesuffix("List"))
    return f"{words.strip()}s"


def _leave_quietly() -> None:
    """End with 0, and keep the interpreter's last flush from complaining about the closed pipe."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)
