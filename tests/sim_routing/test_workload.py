from __future__ import annotations

import itertools
import statistics
from pathlib import Path

import pytest

from benchmarks.sim.fleets import FLEETS, MEDIUM, saturated_rate
from benchmarks.sim.generated import GENERATORS, bursts, chat, long
from benchmarks.sim.workload import WINDOW_TOKENS, Arrival, Workload, expanded, normalised, read_trace

REQUESTS = 4_000


def gap_cv(workload: Workload) -> float:
    instants = [row.at for row in workload.arrivals]
    gaps = [after - before for before, after in itertools.pairwise(instants)]
    assert statistics.mean(gaps) == pytest.approx(1.0)
    return statistics.pstdev(gaps)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_seed_always_gives_the_same_requests(name: str) -> None:
    assert GENERATORS[name](200, 7).arrivals == GENERATORS[name](200, 7).arrivals
    assert GENERATORS[name](200, 7).arrivals != GENERATORS[name](200, 8).arrivals


def test_chat_has_the_statistics_of_its_trace() -> None:
    workload = chat(REQUESTS, 1)
    assert gap_cv(workload) == pytest.approx(1.1, rel=0.1)
    assert statistics.median(row.prompt_tokens for row in workload.arrivals) == pytest.approx(1_020, rel=0.1)
    assert statistics.median(row.output_tokens for row in workload.arrivals) == pytest.approx(129, rel=0.1)


def test_bursts_have_the_statistics_of_their_trace() -> None:
    workloads = [bursts(REQUESTS, seed) for seed in range(1, 6)]
    assert statistics.mean(map(gap_cv, workloads)) == pytest.approx(13.0, rel=0.15)
    rows = [row for workload in workloads for row in workload.arrivals]
    assert statistics.median(row.prompt_tokens for row in rows) == pytest.approx(1_469, rel=0.1)
    assert statistics.median(row.output_tokens for row in rows) == pytest.approx(13, rel=0.1)


def test_long_conversations_share_as_much_as_those_of_their_trace() -> None:
    workload = long(6_000, 1, window=1 << 20)
    assert gap_cv(workload) == pytest.approx(3.0, rel=0.1)
    assert statistics.median(row.prompt_tokens for row in workload.arrivals) == pytest.approx(6_909, rel=0.1)
    assert statistics.median(row.output_tokens for row in workload.arrivals) == pytest.approx(350, rel=0.1)
    seen: set[int] = set()
    reused = total = 0
    for row in workload.arrivals:
        matches = [block in seen for block in row.blocks]
        reused += matches.index(False) if False in matches else len(matches)
        total += len(matches)
        seen.update(row.blocks)
    assert {row.blocks[0] for row in workload.arrivals} == {0}
    assert reused / total == pytest.approx(0.366, abs=0.06)


def test_prompts_are_cut_to_the_window_with_their_blocks() -> None:
    for row in long(2_000, 3).arrivals:
        assert row.prompt_tokens <= WINDOW_TOKENS
        assert len(row.blocks) == -(-row.prompt_tokens // 512)


def test_both_kinds_of_trace_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("t_ms,input_tokens,output_tokens\n0,10,3\n500,9000,0\n2000,5,7\n")
    (tmp_path / "b.jsonl").write_text(
        '{"t":0,"in":600,"out":5,"h":"0-1"}\n{"timestamp":40,"input_length":1,"output_length":2,"hash_ids":[0]}\n'
    )
    assert list(read_trace(tmp_path / "a.csv", "a", requests=9).arrivals) == [
        Arrival(0.0, 10, 3),
        Arrival(0.5, WINDOW_TOKENS, 1),
        Arrival(2.0, 5, 7),
    ]
    assert list(read_trace(tmp_path / "b.jsonl", "b", requests=9).arrivals) == [
        Arrival(0.0, 600, 5, (0, 1)),
        Arrival(1.0, 1, 2, (0,)),
    ]
    assert expanded("0-2,7") == [0, 1, 2, 7]


@pytest.mark.parametrize("row", ["0,x,1", "0,1", "nonsense"])
def test_a_row_that_is_no_request_is_named(row: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"t_ms,input_tokens,output_tokens\n0,1,1\n{row}\n")
    with pytest.raises(ValueError, match=r"bad\.csv: row 2 is not a request"):
        read_trace(path, "bad", requests=9)


def test_requests_that_all_come_at_once_have_no_rate() -> None:
    with pytest.raises(ValueError, match="at different instants"):
        normalised("x", [Arrival(5.0, 1, 1), Arrival(5.0, 1, 1)])


def test_the_capacity_is_what_the_nodes_work_off_and_adds_up() -> None:
    workload = chat(500, 1)
    alone = saturated_rate(MEDIUM, workload)
    assert FLEETS["homogeneous"].capacity(workload) == pytest.approx(8 * alone)
    prompts = sum(row.prompt_tokens for row in workload.arrivals) / len(workload.arrivals)
    assert 0.3 * MEDIUM.prefill_rate / prompts < alone < MEDIUM.prefill_rate / prompts
