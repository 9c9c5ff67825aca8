from __future__ import annotations

import json
import threading

import pytest
from loadtest.examples import fleet_records, record, result
from loadtest.golden import same_as_golden
from rich.console import Console

from llmlb.loadtest.frames import Opening
from llmlb.loadtest.live import gate_line, picture, picture_lines, progress_line
from llmlb.loadtest.plan import ClosedLoop, Plan
from llmlb.loadtest.record import Label
from llmlb.loadtest.stream import Outlet
from llmlb.loadtest.tally import Expected, Progress, Tally

OPENING = Opening.of(Plan(load=ClosedLoop(users=4, requests=100)), "http://127.0.0.1:8080")
GATES = ("p90_ttft>500ms", "errors>0", "p99_ttft>1s", "error_rate>50%")


def progress(node: str = "") -> Progress:
    tally = Tally()
    tally.expected = Expected("", 100)
    for each in fleet_records():
        tally.add(each)
    if node:
        tally.add(record(99, node=node))
    return tally.look(3.0)


def test_the_view_is_the_one_that_was_looked_at() -> None:
    text = picture(progress(), OPENING, result(gates=GATES).verdicts)
    assert same_as_golden("live.txt", text.plain + "\n")
    assert max(map(len, picture_lines(progress(), OPENING))) <= 80


def test_gates_are_green_red_or_not_yet_told() -> None:
    verdicts = result(gates=GATES).verdicts
    assert [gate_line(each)[:9] for each in verdicts] == ["gate ok  ", "gate FAIL", "gate  ?  ", "gate ok  "]
    styles = {str(span.style) for span in picture(progress(), OPENING, verdicts).spans}
    assert styles == {"bold red", "dim", "green"}


def test_a_node_that_gets_nothing_is_shown_too_and_tenants_have_rows() -> None:
    tally = Tally()
    tally.expect(nodes=["idle"], tenants=["a", "b"])
    tally.add(record(label=Label(0, tenant="b"), node="busy"))
    seen = tally.look(1.0)
    assert [(part.name, part.requests) for part in (*seen.nodes, *seen.tenants)] == [
        ("busy", 1), ("idle", 0), ("a", 0), ("b", 1),
    ]  # fmt: skip
    assert any(line.startswith("TENANT") for line in picture_lines(seen, OPENING))


def test_a_run_that_has_just_begun_can_be_shown() -> None:
    assert "0/100" in "\n".join(picture_lines(_begun(), OPENING))
    assert progress_line(_begun()).startswith("0/100")


def _begun() -> Progress:
    tally = Tally()
    tally.expected = Expected("", 100)
    return tally.look(0.0)


def test_what_a_node_calls_itself_is_never_read_as_markup() -> None:
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(picture(progress("gpu[/red]x"), OPENING, ()))
    assert "gpu[/red]x" in capture.get()


def test_many_nodes_are_cut_to_the_busiest() -> None:
    tally = Tally()
    for index in range(200):
        tally.add(record(index, node=f"n{index % 50}"))
    lines = picture_lines(tally.look(1.0), OPENING)
    assert "... 38 more nodes" in lines
    assert len(lines) < 24


def test_a_line_for_a_log_tells_how_far_it_is() -> None:
    assert progress_line(progress()) == "60/100, 3 s, 0 in flight, 2 failed, ttft p50 120 ms, 77 tokens/s"


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
