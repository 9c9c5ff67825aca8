"""Work that may take long: done on a thread of its own, told on stderr once it lasts, left at once on Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from llmlb.clock import monotonic_s
from llmlb_cli.exits import is_seen, note, redraw
from llmlb_cli.units import duration, size

Result = TypeVar("Result")

QUIET_S = 1.0
"""What is done sooner needs no progress."""
REDRAW_S = 0.2
NOTE_EVERY_S = 10.0
"""Where stderr is no terminal: a line now and then shows that it goes on."""

_BAR_CELLS = 24


class Done(NamedTuple):
    """How far it is, bytes. total: 0 where nobody knows."""

    bytes: int
    total: int


def watched(
    work: Callable[[], Result], *, label: str, done: Callable[[], Done], quiet: bool, is_atomic: bool = False
) -> Result:
    """The result of the work. What it raises is raised here.

    done: asked now and then, must be quick.  is_atomic: half of it is worse than all of it, so it is finished also
    after Ctrl-C; other work is left behind.
    """
    results: list[Result] = []
    failures: list[BaseException] = []
    is_over = threading.Event()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  raised again where somebody waits for it
            failures.append(error)
        finally:
            is_over.set()

    threading.Thread(target=run, name=label, daemon=True).start()
    try:
        _tell(is_over, label, done, quiet=quiet)
    except KeyboardInterrupt:
        if not is_atomic:
            raise
        note(f"{label}: this is not left half done, it ends by itself")
        is_over.wait()
    except BaseException:
        if is_atomic:
            is_over.wait()
        raise
    if failures:
        raise failures[0]
    return results[0]


def progress_line(label: str, at: Done, elapsed_s: float) -> str:
    """``backing up  [#####-----]  52%  1.2 GB of 2.3 GB  9s``."""
    if not at.total:
        return f"{label}  {duration(elapsed_s)}"
    share = min(1.0, at.bytes / at.total)
    filled = round(share * _BAR_CELLS)
    bar = "#" * filled + "-" * (_BAR_CELLS - filled)
    return f"{label}  [{bar}] {share:4.0%}  {size(at.bytes)} of {size(at.total)}  {duration(elapsed_s)}"


def _tell(is_over: threading.Event, label: str, done: Callable[[], Done], *, quiet: bool) -> None:
    """Returns when the work is over."""
    if quiet:
        _wait(is_over)
        return
    began_s = monotonic_s()
    if is_over.wait(QUIET_S):
        return
    if not is_seen():
        while not is_over.wait(NOTE_EVERY_S):
            note(progress_line(label, done(), monotonic_s() - began_s))
        return
    try:
        while not is_over.wait(REDRAW_S):
            redraw(progress_line(label, done(), monotonic_s() - began_s))
    finally:
        redraw("")


def _wait(is_over: threading.Event) -> None:
    """Waits in steps: an endless wait would not hear Ctrl-C on every platform."""
    while not is_over.wait(NOTE_EVERY_S):
        continue
