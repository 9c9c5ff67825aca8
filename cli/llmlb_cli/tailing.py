"""Following what happens: rows as they come, through restarts of the router, until somebody has seen enough."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from llmlb_cli.columns import Column, Row, chosen_columns
from llmlb_cli.context import Router, router_of
from llmlb_cli.exits import ExitCode, Failure, note, usage
from llmlb_cli.filtering import admitted
from llmlb_cli.output import Listing, View, is_unicode, leave_if_unread, line, show, terminal_cells
from llmlb_cli.table import GAP
from llmlb_cli.text import ASCII_ELLIPSIS, ELLIPSIS, clean, clip, pad, width

if TYPE_CHECKING:
    import typer

Read = Callable[[Router], Iterator[Row | None]]
"""Rows from one connection to the router; None: nothing new, but it is there. It ends when the router ends it."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0

# Waiting does not mend these.
_HOPELESS = (ExitCode.USAGE, ExitCode.FORBIDDEN, ExitCode.NOT_FOUND)


class RowWriter:
    """Writes rows one at a time, the header before the first of them.

    cells: how wide a column is at least, by key; wider values push what follows to the right.
    """

    def __init__(
        self, kind: str, columns: Sequence[Column], view: View, *, cells: Mapping[str, int], name: str = "id"
    ) -> None:
        if view.format == "yaml":
            raise usage("rows that come one at a time are no YAML document", hint="-o jsonl gives one object a line")
        if view.sort_by:
            raise usage("what is still coming cannot be sorted", hint="leave out --sort-by, or use the list")
        self._kind, self._columns, self._view, self._name = kind, columns, view, name
        self._cells = cells
        self._is_first = True

    def write(self, row: Row) -> bool:
        """One row; False if the filter does not admit it. A reader that went away ends the command silently with 0."""
        if self._view.filter and not admitted(self._kind, self._columns, [row], self._view.filter):
            return False
        has_header = self._is_first and self._view.headers
        self._is_first = False
        if self._view.is_human:
            self._write_line(row, has_header=has_header)
            return True
        # A document per row would be many documents: one object a line is what can be read while it grows.
        form = "jsonl" if self._view.format == "json" else self._view.format
        view = self._view._replace(format=form, headers=has_header, limit=0, quiet=True)
        show(Listing(self._kind, self._columns, [row], name=self._name), view)
        return True

    def _write_line(self, row: Row, *, has_header: bool) -> None:
        view = self._view
        columns = chosen_columns(self._columns, [row], fields=view.fields, wide=view.format == "wide")
        if has_header:
            line(self._joined(columns, [column.header for column in columns]))
        line(self._joined(columns, [clean(column.cell_text(row)) for column in columns]))

    def _joined(self, columns: Sequence[Column], texts: Sequence[str]) -> str:
        parts = (
            pad(text, max(width(column.header), self._cells.get(column.key, 0)), right=column.right)
            for column, text in zip(columns, texts, strict=True)
        )
        whole = GAP.join(parts).rstrip()
        cells = terminal_cells()
        return clip(whole, cells, ellipsis=ELLIPSIS if is_unicode() else ASCII_ELLIPSIS) if cells else whole


def follow(ctx: typer.Context, read: Read, writer: RowWriter, *, limit: int) -> ExitCode:
    """Write rows until Ctrl-C, until nobody reads them, or until there were ``limit`` of them (0: no limit)."""
    written = 0
    try:
        for row in rows_through_restarts(ctx, read):
            written += writer.write(row)
            if limit and written == limit:
                return ExitCode.OK
    except KeyboardInterrupt:
        # How a tail is ended: nothing went wrong that would need a word.
        return ExitCode.INTERRUPTED
    return ExitCode.OK


def rows_through_restarts(
    ctx: typer.Context, read: Read, *, pause: Callable[[float], object] | None = None
) -> Iterator[Row]:
    """The rows of one connection after another. Raises Failure if not even the first one succeeds."""
    was_there, is_lost = False, False
    pause_s = FIRST_PAUSE_S
    wait = pause or threading.Event().wait
    while True:
        # Read anew each time: a router makes a new local credential at each start.
        router = router_of(ctx)
        why = "the router ended the connection"
        try:
            for row in read(router):
                if is_lost and not router.options.quiet:
                    note(f"{router.url} is back")
                was_there, is_lost, pause_s = True, False, FIRST_PAUSE_S
                if row is not None:
                    yield row
                leave_if_unread()
        except Failure as failure:
            is_refused_again = failure.exit_code is ExitCode.NOT_LOGGED_IN and is_lost
            if not was_there or is_refused_again or failure.exit_code in _HOPELESS:
                raise
            why = failure.message
        if not is_lost and not router.options.quiet:
            note(f"{why}; trying again until it is back, Ctrl-C ends")
        was_there = is_lost = True
        wait(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
