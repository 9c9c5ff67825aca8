from __future__ import annotations

import asyncio
import threading

from loadtest.examples import record

from llmlb.loadtest.job import Job, Screen
from llmlb.loadtest.plan import Plan
from llmlb.loadtest.tally import Tally
from llmlb.loadtest.target import Target
from llmlb.loadtest.typed import Typed
from llmlb.loadtest.watching import LINE_EVERY_S, watching

JOB = Job(typed=Typed(), target=Target("http://h"))


def test_a_plain_line_comes_now_and_then_and_none_for_the_quiet() -> None:
    notes: list[str] = []

    async def main(*, quiet: bool) -> None:
        job = Job(typed=Typed(), target=Target("http://h"), quiet=quiet)
        async with watching(job, Screen(print, notes.append, is_terminal=False), Plan(), asyncio.Event()) as show:
            tally = Tally()
            tally.add(record())
            for half in range(5) if show else ():
                assert show is not None
                show(tally.look(LINE_EVERY_S * half / 2))

    asyncio.run(main(quiet=False))
    assert [note[:6] for note in notes] == ["1 done", "1 done"]
    asyncio.run(main(quiet=True))
    assert len(notes) == 2


def test_a_terminal_that_takes_no_line_does_not_stop_the_load() -> None:
    unstuck = threading.Event()
    told: list[str] = []

    def stuck(line: str) -> None:
        assert unstuck.wait(10)
        told.append(line)

    async def main() -> None:
        async with watching(JOB, Screen(print, stuck, is_terminal=False), Plan(), asyncio.Event()) as show:
            assert show is not None
            for second in range(1, 4):
                show(Tally().look(LINE_EVERY_S * second))
            assert told == []
            unstuck.set()

    asyncio.run(main())
    assert len(told) == 3
