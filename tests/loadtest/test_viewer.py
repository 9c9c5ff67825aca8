from __future__ import annotations

import asyncio
import json
from pathlib import Path

from loadtest.examples import fleet_records

from llmlb.loadtest.frames import FrameReader, Opening
from llmlb.loadtest.gates import parse_gate
from llmlb.loadtest.plan import Plan
from llmlb.loadtest.tally import Progress, Tally
from llmlb.loadtest.viewer import MAX_WAITING_BYTES, drawn, judged

GATED = Plan(gates=(parse_gate("errors>0"),))


def shown(plan: Plan, tmp_path: Path) -> list[Opening | Progress]:
    """What the drawing process gets of two looks."""
    heard = tmp_path / "heard"

    async def main() -> None:
        tally = Tally()
        async with drawn(plan, target="t", command=("sh", "-c", f"echo ready; exec cat >{heard}")) as show:
            for each in fleet_records():
                tally.add(each)
            show(tally.look(1.0))
            show(tally.look(2.0))

    asyncio.run(main())
    return FrameReader().feed(heard.read_bytes())


def test_the_process_hears_the_opening_and_every_look(tmp_path: Path) -> None:
    opening, *looks = shown(GATED, tmp_path)
    assert isinstance(opening, Opening)
    assert opening.gates == ("errors>0",)
    assert [len(look.ended) for look in looks if isinstance(look, Progress)] == [60, 0]


def test_single_requests_are_sent_only_where_gates_need_them(tmp_path: Path) -> None:
    _, *looks = shown(Plan(), tmp_path)
    assert [len(look.ended) for look in looks if isinstance(look, Progress)] == [0, 0]


def test_a_terminal_that_stands_still_costs_no_memory_and_no_time() -> None:
    async def main() -> float:
        tally = Tally()
        loop = asyncio.get_running_loop()
        async with drawn(GATED, target="t", command=("sh", "-c", "echo ready; exec sleep 60")) as show:
            began_s = loop.time()
            for second in range(200):
                for each in fleet_records():
                    tally.add(each)
                show(tally.look(float(second)))
            return loop.time() - began_s

    assert asyncio.run(main()) < 30
    assert MAX_WAITING_BYTES < 200 * 60 * 300


def test_a_drawing_process_that_dies_does_not_end_the_run() -> None:
    async def main() -> None:
        tally = Tally()
        async with drawn(GATED, target="t", command=("sh", "-c", "exit 3")) as show:
            for second in range(50):
                tally.add(fleet_records()[0])
                show(tally.look(float(second)))
                await asyncio.sleep(0)

    asyncio.run(main())


def test_what_the_judging_process_says_is_passed_on_while_the_run_goes_on() -> None:
    async def main() -> list[str]:
        said: list[str] = []
        tally, told = Tally(), asyncio.Event()

        def say(line: str) -> None:
            said.append(line)
            told.set()

        for each in fleet_records():
            tally.add(each)
        async with judged(GATED, target="t", say=say) as show:
            show(tally.look(1.0))
            async with asyncio.timeout(10):
                await told.wait()
        return said

    (line,) = asyncio.run(main())
    assert json.loads(line)["gates"][0] == {
        "gate": "errors>0", "passed": False, "measured": 2, "unit": "number", "note": "measured 2"
    }  # fmt: skip
