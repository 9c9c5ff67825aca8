"""What is told while the load runs, and how it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator

from llmlb.loadtest.job import Job, Screen
from llmlb.loadtest.live import progress_line
from llmlb.loadtest.plan import Plan, describe
from llmlb.loadtest.stream import Outlet, progress_lines, start_line
from llmlb.loadtest.tally import Progress
from llmlb.loadtest.viewer import drawn, judged

LINE_EVERY_S = 10.0


@contextlib.contextmanager
def stopping(stop: asyncio.Event) -> Iterator[set[signal.Signals]]:
    """Ctrl-C and SIGTERM end the run and keep what it has; a second Ctrl-C ends the program."""
    loop = asyncio.get_running_loop()
    received: set[signal.Signals] = set()

    def ask(number: signal.Signals) -> None:
        received.add(number)
        stop.set()
        loop.remove_signal_handler(number)

    handled = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, ask, number)
            handled.append(number)
    try:
        yield received
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def watching(
    job: Job, screen: Screen, plan: Plan, stop: asyncio.Event
) -> AsyncIterator[Callable[[Progress], None] | None]:
    """What is told while the load runs: a live view, lines of JSON, or a plain line now and then.

    Whoever stops reading, a terminal or a program, must not stop the load: nothing here waits while it runs.
    """
    if job.output == "ndjson":
        loop = asyncio.get_running_loop()
        outlet = Outlet(screen.write, on_broken=lambda: _set_from_thread(loop, stop))
        outlet.put(start_line(url=job.target.url, load=describe(plan.load), gates=plan.gates))
        try:
            if not plan.gates:
                yield lambda progress: _stream(outlet, progress)
                return
            async with judged(plan, target=job.target.url, say=outlet.say) as judge:

                def tell(progress: Progress) -> None:
                    _stream(outlet, progress)
                    judge(progress)

                yield tell
        finally:
            outlet.close()
    elif job.quiet:
        yield None
    elif job.live and screen.is_terminal:
        async with drawn(plan, target=job.target.url) as show:
            yield show
    else:
        outlet = Outlet(screen.note, on_broken=lambda: None)
        try:
            yield _Lines(outlet.say).show
        finally:
            outlet.close()


def _stream(outlet: Outlet, progress: Progress) -> None:
    for line in progress_lines(progress):
        outlet.put(line)


def _set_from_thread(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        loop.call_soon_threadsafe(stop.set)


class _Lines:
    """A plain line every ten seconds."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._told_at_s = 0.0

    def show(self, progress: Progress) -> None:
        if progress.elapsed_s - self._told_at_s >= LINE_EVERY_S:
            self._told_at_s = progress.elapsed_s
            self._note(progress_line(progress))
