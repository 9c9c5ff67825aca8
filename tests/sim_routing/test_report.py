from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.sim.__main__ import main
from benchmarks.sim.picture import COLOURS, drawn
from benchmarks.sim.report import grid, seconds
from benchmarks.sim.results import judged
from benchmarks.sim.study import CONTENDERS, TRAFFICS
from benchmarks.sim.tables import put_between_marks
from benchmarks.sim.workload import INTERACTIVE, Arrival
from benchmarks.sim.world import Record, Status
from llmlb.policies import POLICIES

ROOT = Path(__file__).parents[2]


def record(number: int, *, ttft_s: float, tpot_s: float, node: int = 0, status: Status = Status.ANSWERED) -> Record:
    row = Record(number, Arrival(0.0, 1_000, 11), 5.0, status, node, cached_tokens=250)
    row.first_at_s = 5.0 + ttft_s
    row.ended_at_s = row.first_at_s + 10 * tpot_s
    return row


def test_good_means_both_first_token_and_pace_in_time_of_all_that_arrived() -> None:
    rows = [
        record(0, ttft_s=1.9, tpot_s=0.09),
        record(1, ttft_s=2.1, tpot_s=0.01),
        record(2, ttft_s=0.1, tpot_s=0.11, node=2),
        record(3, ttft_s=0.1, tpot_s=0.01, status=Status.FAILED),
        record(4, ttft_s=0.1, tpot_s=0.01, status=Status.REFUSED),
    ]
    verdict = judged(rows, ["fast", "slow", "slow"], INTERACTIVE)
    assert (verdict.good, verdict.refused, verdict.failed) == (0.2, 0.2, 0.2)
    assert verdict.ttft_p50_s == pytest.approx(1.9)
    assert verdict.shares == {"fast": pytest.approx(2 / 3), "slow": pytest.approx(1 / 3)}
    assert verdict.cached == 0.25
    assert verdict.jain == pytest.approx(9 / (3 * 5))


def test_a_run_without_answers_has_no_percentiles() -> None:
    verdict = judged([record(0, ttft_s=1, tpot_s=1, status=Status.REFUSED)], ["fast"], INTERACTIVE)
    assert verdict.good == 0
    assert seconds(verdict.ttft_p99_s) == "-"
    assert [seconds(value) for value in (0.5, 12.34, 567.8)] == ["0.50 s", "12.3 s", "568 s"]


def test_columns_stand_under_their_headings() -> None:
    assert grid("Title", [("a", "bb", "c"), ("long", "1", "x")]) == "Title\n\na     bb  c\nlong   1  x\n"


def test_every_mode_of_the_product_is_judged_and_has_a_colour() -> None:
    assert set(POLICIES) <= set(CONTENDERS)
    assert len(CONTENDERS) == len(COLOURS)


def test_the_picture_is_an_svg_with_a_line_for_each_policy_in_each_panel() -> None:
    line = [(0.2, 1.0), (1.2, 0.0)]
    text = drawn(
        {"a < b": {"one": line, "two": line}, "c": {"one": line, "two": line}}, loads=(0.2, 1.2), objective="o"
    )
    tree = ET.fromstring(text)
    lines = [element.get("points") for element in tree.iter() if element.tag.endswith("polyline")]
    assert lines[:2] == ["46.0,34.0 466.0,284.0"] * 2
    assert len(lines) == 4
    assert "a < b" in [element.text for element in tree.iter()]


def test_the_command_prints_a_row_for_each_policy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--policies", "round_robin,adaptive", "--fleet", "small", "--requests", "100"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("chat, small fleet (4 nodes), load 0.8 = ")
    assert [line.split("  ")[0] for line in lines[2:5]] == ["policy", "round robin", "adaptive"]


def test_a_recorded_trace_can_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "mine.csv"
    trace.write_text("t_ms,input_tokens,output_tokens\n" + "".join(f"{900 * n},500,20\n" for n in range(50)))
    assert main(["--policies", "weighted", "--trace", str(trace)]) == 0
    assert capsys.readouterr().out.startswith("mine, medium fleet (16 nodes), load 0.8 = ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policies", "fastest"], "unknown policy 'fastest'; there are round_robin, "),
        (["--trace", "missing.csv"], "missing.csv"),
        (["--load", "0"], "--load must be above 0"),
        (["--requests", "1"], "at least two requests"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert said.err.count("\n") == 1


def test_tables_go_between_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- tables -->\nold\n<!-- /tables -->\nafter\n")
    put_between_marks(page, "tables", "new \\1\n")
    assert page.read_text() == "before\n<!-- tables -->\nnew \\1\n<!-- /tables -->\nafter\n"
    with pytest.raises(ValueError, match="must stand there once"):
        put_between_marks(page, "figures", "new")


def test_the_page_shows_every_kind_of_traffic_and_every_policy() -> None:
    page = (ROOT / "docs" / "routing-benchmark.md").read_text(encoding="utf-8")
    for traffic in TRAFFICS:
        for fleet in ("small", "medium", "large", "homogeneous"):
            assert f"{traffic.title}, {fleet} fleet" in page
    for contender in CONTENDERS.values():
        assert f"\n{contender.title} " in page
    assert "pictures/routing.svg" in page
    assert (ROOT / "docs" / "pictures" / "routing.svg").stat().st_size < 50_000
