"""Starts the process that draws or the one that judges, and feeds it without ever waiting for it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from llmlb.loadtest.frames import Opening, frame
from llmlb.loadtest.plan import Plan
from llmlb.loadtest.record import Record
from llmlb.loadtest.tally import Progress

START_S = 3.0
END_S = 1.0
MAX_WAITING_BYTES = 1 << 20
"""So much may wait for a terminal that stands still; later looks bring what it missed."""

COMMAND = (sys.executable, "-m", "llmlb.loadtest.drawing")
JUDGING = (sys.executable, "-m", "llmlb.loadtest.judging")
MAX_LINE_BYTES = 1 << 20


@contextlib.asynccontextmanager
async def drawn(
    plan: Plan, *, target: str, command: tuple[str, ...] = COMMAND
) -> AsyncIterator[Callable[[Progress], None]]:
    """Takes looks at the run and has them drawn on the terminal behind stderr, until the block ends."""
    async with _fed(plan, target, command) as (show, _):
        yield show


@contextlib.asynccontextmanager
async def judged(
    plan: Plan, *, target: str, say: Callable[[str], None], command: tuple[str, ...] = JUDGING
) -> AsyncIterator[Callable[[Progress], None]]:
    """Takes looks at the run and says how its gates stand, a line of JSON each time that changes."""
    async with _fed(plan, target, command) as (show, stdout):
        passing = asyncio.create_task(_pass_on(stdout, say), name="how the gates stand")
        try:
            yield show
        finally:
            passing.cancel()
            await asyncio.gather(passing, return_exceptions=True)


async def _pass_on(stdout: asyncio.StreamReader, say: Callable[[str], None]) -> None:
    async for line in stdout:
        say(line.decode())


@contextlib.asynccontextmanager
async def _fed(
    plan: Plan, target: str, command: tuple[str, ...]
) -> AsyncIterator[tuple[Callable[[Progress], None], asyncio.StreamReader]]:
    """A process that is fed. A session of its own keeps Ctrl-C from it: it ends when its stdin does."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=MAX_LINE_BYTES,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await _started(process.stdout)
        feed = _Feed(process.stdin, has_gates=bool(plan.gates))
        feed.open(Opening.of(plan, target))
        yield feed.show, process.stdout
    finally:
        process.stdin.close()
        await _ended(process)


async def _started(stdout: asyncio.StreamReader) -> None:
    """Its start costs CPU, so it is over before the load begins; on a machine too busy for that, soon after."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            await stdout.readline()


class _Feed:
    """The pipe to the process."""

    def __init__(self, pipe: asyncio.StreamWriter, *, has_gates: bool) -> None:
        self._pipe = pipe
        self._has_gates = has_gates
        self._missed: list[Record] = []

    def open(self, opening: Opening) -> None:
        self._pipe.write(frame(opening))

    def show(self, progress: Progress) -> None:
        """Hands over what to draw next; only gates need the single requests."""
        if self._pipe.is_closing():
            return
        if self._has_gates:
            self._missed.extend(progress.ended)
        if self._pipe.transport.get_write_buffer_size() < MAX_WAITING_BYTES:
            self._pipe.write(frame(replace(progress, ended=tuple(self._missed))))
            self._missed = []


async def _ended(process: asyncio.subprocess.Process) -> None:
    """A terminal that stands still is left behind after a moment."""
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
