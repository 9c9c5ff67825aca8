from __future__ import annotations

import os
import threading

import pytest
from loadtest.examples import fleet_records
from rich.console import Console

from llmlb.loadtest.drawing import Judge, draw
from llmlb.loadtest.frames import Opening, frame
from llmlb.loadtest.gates import parse_gate
from llmlb.loadtest.plan import ClosedLoop, Plan
from llmlb.loadtest.tally import Tally

PLAN = Plan(ClosedLoop(users=4, requests=60), gates=(parse_gate("errors>0"), parse_gate("p50_ttft>1s")))
OPENING = Opening.of(PLAN, "http://h")


def test_gates_are_judged_over_all_that_has_come() -> None:
    judge, tally = Judge(OPENING), Tally()
    for each in fleet_records():
        tally.add(each)
    progress = tally.look(1.0)
    judge.hear(progress)
    assert [verdict.passed for verdict in judge.verdicts(progress)] == [False, True]
    assert judge.verdicts(progress)[0].measured == 2


def test_what_comes_is_drawn_until_the_other_end_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    for each in fleet_records():
        tally.add(each)
    reading, writing = os.pipe()
    drawer = threading.Thread(target=draw, args=(reading,), kwargs={"console": Console(stderr=True, width=100)})
    drawer.start()
    os.write(writing, frame(OPENING) + frame(tally.look(1.0)))
    os.close(writing)
    drawer.join(10)
    os.close(reading)
    assert not drawer.is_alive()


@pytest.mark.parametrize("heard", [b"", b"\0\0\0\1"])
def test_a_parent_that_dies_at_once_leaves_nothing_behind(heard: bytes) -> None:
    reading, writing = os.pipe()
    os.write(writing, heard)
    os.close(writing)
    draw(reading, console=Console(stderr=True))
    os.close(reading)
