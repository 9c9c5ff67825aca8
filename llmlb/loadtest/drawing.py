"""The process that draws a running load test: frames on stdin, the picture on stderr.

It is started by ``viewer`` and ends with its stdin. Drawing costs it what it likes: the generator's clock is another
process's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from llmlb.clock import perf_s
from llmlb.loadtest.frames import FrameReader, Opening
from llmlb.loadtest.gates import Gate, parse_gate
from llmlb.loadtest.live import picture
from llmlb.loadtest.record import Record
from llmlb.loadtest.standing import standing
from llmlb.loadtest.tally import Progress
from llmlb.loadtest.verdicts import Verdict

if TYPE_CHECKING:
    from rich.console import Console

READY = b"ready\n"
_READ_BYTES = 1 << 20
_NICENESS = 5
_IDLE_SHARE = 10
"""Judging the gates may take a tenth of the time: on many requests it is done less often."""


class Judge:
    """Holds the gates against what has come so far."""

    def __init__(self, opening: Opening) -> None:
        self._yardstick = opening.yardstick
        self._gates: tuple[Gate, ...] = tuple(parse_gate(text) for text in opening.gates)
        self._records: list[Record] = []
        self._verdicts: tuple[Verdict, ...] = ()
        self._due_at_s = 0.0

    def hear(self, progress: Progress) -> None:
        self._records.extend(progress.ended)

    def verdicts(self, progress: Progress) -> tuple[Verdict, ...]:
        """How the gates stand, at most a moment ago."""
        started_at_s = perf_s()
        if self._gates and started_at_s >= self._due_at_s:
            nodes = [node.name for node in progress.nodes]
            self._verdicts = standing(self._gates, self._yardstick, self._records, nodes)
            ended_at_s = perf_s()
            self._due_at_s = ended_at_s + _IDLE_SHARE * (ended_at_s - started_at_s)
        return self._verdicts


def draw(stdin: int, *, console: Console) -> None:
    """Draws what comes in until the other end is closed."""
    from rich.live import Live

    heard = looks(stdin)
    opening = next(heard, None)
    if not isinstance(opening, Opening):
        return
    judge = Judge(opening)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for progress in heard:
            if isinstance(progress, Progress):
                judge.hear(progress)
                live.update(picture(progress, opening, judge.verdicts(progress)), refresh=True)


def looks(stdin: int) -> Iterator[Opening | Progress]:
    """What comes in, until the other end is closed."""
    reader = FrameReader()
    while data := os.read(stdin, _READ_BYTES):
        yield from reader.feed(data)


def announce() -> None:
    """Steps back behind the generator, and tells it that the start is over."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()


def main() -> None:
    """Announces itself, then draws."""
    from rich.console import Console

    console = Console(stderr=True)
    announce()
    try:
        draw(sys.stdin.fileno(), console=console)
    except OSError:
        return  # the terminal is gone; the run goes on and its result is still wanted


if __name__ == "__main__":
    main()
