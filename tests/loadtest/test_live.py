from __future__ import annotations

import json
import threading

import pytest
from loadtest.examples import fleet_records, record
from loadtest.golden import same_as_golden
from rich.console import Console

from llmlb.loadtest.live import LiveView, picture, picture_lines, progress_line
from llmlb.loadtest.plan import ClosedLoop, Plan
from llmlb.loadtest.stream import Outlet
from llmlb.loadtest.tally import Expected, Progress, Tally

PLAN = Plan(load=ClosedLoop(users=4, requests=100))


def progress(node: str = "") -> Progress:
    tally = Tally()
    tally.expected = Expected("", 100)
    for each in fleet_records():
        tally.add(each)
    if node:
        tally.add(record(99, node=node))
    return tally.look(3.0)


def test_the_view_is_the_one_that_was_looked_at() -> None:
    lines = picture_lines(progress(), PLAN, "http://127.0.0.1:8080")
    assert same_as_golden("live.txt", "\n".join(lines) + "\n")
    assert max(map(len, lines)) <= 80


def test_a_run_that_has_just_begun_can_be_shown() -> None:
    assert "0/100" in "\n".join(picture_lines(_begun(), PLAN, "t"))
    assert progress_line(_begun()).startswith("0/100")


def _begun() -> Progress:
    tally = Tally()
    tally.expected = Expected("", 100)
    return tally.look(0.0)


def test_what_a_node_calls_itself_is_never_read_as_markup() -> None:
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(picture(progress("gpu[/red]x"), PLAN, "t"))
    assert "gpu[/red]x" in capture.get()


def test_many_nodes_are_cut_to_the_busiest() -> None:
    tally = Tally()
    for index in range(200):
        tally.add(record(index, node=f"n{index % 50}"))
    lines = picture_lines(tally.look(1.0), PLAN, "t")
    assert "... 38 more nodes" in lines
    assert len(lines) < 24


def test_a_line_for_a_log_tells_how_far_it_is() -> None:
    assert progress_line(progress()) == "60/100, 3 s, 0 in flight, 2 failed, ttft p50 120 ms, 77 tokens/s"


def test_the_view_ends_with_its_run(capsys: pytest.CaptureFixture[str]) -> None:
    view = LiveView(PLAN, target="t")
    view.show(progress())
    view.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "loadtest-live"]


def test_lines_come_out_whole_in_order_and_all_of_them() -> None:
    written: list[str] = []
    outlet = Outlet(written.append, on_broken=lambda: None)
    for number in range(100):
        outlet.put({"n": number})
    outlet.close()
    assert [json.loads(line)["n"] for line in written] == list(range(100))


def test_a_reader_that_went_away_ends_the_run_once_and_is_told_at_the_end() -> None:
    broken = threading.Event()

    def write(line: str) -> None:
        raise SystemExit(0)

    outlet = Outlet(write, on_broken=broken.set)
    outlet.put({"n": 1})
    outlet.put({"n": 2})
    assert broken.wait(5)
    with pytest.raises(SystemExit):
        outlet.close()
