"""``--watch``: the same list again and again; in place on a terminal, only what changed on a pipe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from llmlb_cli.columns import Row, chosen_columns, value_at
from llmlb_cli.exits import ExitCode, Failure, note, usage
from llmlb_cli.options import Options
from llmlb_cli.output import (
    Listing,
    View,
    chosen_rows,
    is_terminal,
    leave_if_unread,
    list_text,
    shown_by,
    terminal_lines,
    write,
)

# Waiting does not mend these.
_HOPELESS = (ExitCode.USAGE, ExitCode.NOT_LOGGED_IN, ExitCode.FORBIDDEN, ExitCode.NOT_FOUND)


def watch(run_once: Callable[[], Any], options: Options) -> ExitCode:
    """Run a command that shows lists until Ctrl-C ends it. A router that goes away is waited for.

    Raises Failure if not even the first look succeeds, or where waiting is no use.
    """
    shown = Shown()
    was_there, is_lost = False, False
    try:
        with shown_by(shown.take):
            while True:
                try:
                    run_once()
                    was_there, is_lost = True, False
                except Failure as failure:
                    if not was_there or failure.exit_code in _HOPELESS:
                        raise
                    if not is_lost:
                        shown.forget_place()
                        note(f"{failure.message}; trying again until it is back, Ctrl-C ends")
                    is_lost = True
                leave_if_unread()
                pause(options.interval_s)
    except KeyboardInterrupt:
        # How watching is ended: nothing went wrong that would need a word.
        return ExitCode.INTERRUPTED


def pause(seconds: float) -> None:
    """Let time pass; Ctrl-C ends it at once."""
    threading.Event().wait(seconds)


class Shown:
    """What stands on the terminal, or has gone down the pipe, so far."""

    def __init__(self) -> None:
        self._lines = 0
        self._rows: dict[str, tuple[tuple[str, ...], Row]] | None = None

    def take(self, listing: Listing, view: View) -> None:
        """Show a list as it is now."""
        if view.format == "yaml":
            raise usage("lists that keep coming are no YAML document", hint="-o jsonl gives one object a line")
        rows = chosen_rows(listing, view)
        if view.is_human and is_terminal():
            self._redraw(list_text(listing, rows, view))
        else:
            self._append(listing, rows, view)

    def forget_place(self) -> None:
        """Something else was written: the next list goes below it."""
        self._lines = 0

    def _redraw(self, text: str) -> None:
        lines = text.splitlines()
        room = max(2, terminal_lines() - 1)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"and {len(lines) - room + 1} more"]
        up = f"\x1b[{self._lines}F" if self._lines else ""
        # Each line is cleared behind its text rather than the screen before it: nothing flickers.
        body = "".join(f"{line}\x1b[K\n" for line in lines)
        write(f"{up}{body}\x1b[J")
        self._lines = len(lines)

    def _append(self, listing: Listing, rows: Sequence[Row], view: View) -> None:
        before, is_first = self._rows or {}, self._rows is None
        columns = chosen_columns(listing.columns, listing.rows, fields=view.fields, wide=view.format != "table")
        told = [column for column in columns if not column.ticks] or columns
        now = {_name_of(row, listing): (tuple(str(column.value(row)) for column in told), row) for row in rows}
        self._rows = now
        new = [name for name in now if name not in before]
        changed = [name for name in now if name in before and before[name][0] != now[name][0]]
        if view.format in ("json", "jsonl"):
            gone = [before[name][1] for name in before if name not in now]
            _write_changes("ADDED", [now[name][1] for name in new], listing, view)
            _write_changes("MODIFIED", [now[name][1] for name in changed], listing, view)
            _write_changes("DELETED", gone, listing, view)
            return
        shown = new if view.format == "name" else [name for name in now if name in {*new, *changed}]
        if shown or is_first:
            with_headers = view._replace(headers=view.headers and is_first)
            write(list_text(listing, [now[name][1] for name in shown], with_headers))


def _name_of(row: Row, listing: Listing) -> str:
    name = value_at(row, listing.name)
    return repr(row) if name is None else str(name)


def _write_changes(kind: str, rows: Sequence[Row], listing: Listing, view: View) -> None:
    import llmlb_cli.formats as formats

    for row in rows:
        write(formats.json_line({"type": kind, "object": formats.picked(row, view.fields, listing.columns)}))
