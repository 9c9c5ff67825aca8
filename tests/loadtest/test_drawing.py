from __future__ import annotations

import io
import json
import os
import threading

import pytest
from loadtest.examples import fleet_records
from rich.console import Console

from llmlb.loadtest import drawing
from llmlb.loadtest.drawing import Judge, draw
from llmlb.loadtest.frames import Opening, frame
from llmlb.loadtest.gates import parse_gate
from llmlb.loadtest.judging import judge
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


def test_a_program_is_told_how_the_gates_stand_and_only_when_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "perf_s", lambda: 0.0)  # judging takes no time, so every look is judged
    tally = Tally()
    looks = [frame(OPENING), frame(tally.look(1.0)), frame(tally.look(2.0))]
    for each in fleet_records():
        tally.add(each)
    looks += [frame(tally.look(3.0)), frame(tally.look(4.0))]
    reading, writing = os.pipe()
    os.write(writing, b"".join(looks))
    os.close(writing)
    told = io.BytesIO()
    judge(reading, told)
    os.close(reading)
    before, after = [json.loads(line)["gates"] for line in told.getvalue().splitlines()]
    assert [(row["gate"], row["measured"]) for row in before] == [("errors>0", 0), ("p50_ttft>1s", None)]
    assert [(row["passed"], row["measured"]) for row in after] == [(False, 2), (True, 0.12)]
