from __future__ import annotations

import pytest
from hypothesis import given
from tui.model.test_reading import JSON

from llmlb_tui.model.loadtest import LoadTest, Stage, Wanted
from llmlb_tui.render.glyphs import UNICODE
from llmlb_tui.render.loadtest import loadtest_lines

PROGRESS = {
    "type": "progress",
    "elapsed_s": 1.5,
    "planned": 30,
    "done": 15,
    "ok": 14,
    "failed": 1,
    "in_flight": 5,
    "ok_per_s": 9.3,
    "tokens_per_s": 512.0,
    "ttft_ms": {"p50": 26.0, "p90": 33.0, "p99": 34.0, "max": 34.0},
    "e2e_ms": {"p50": 569.0, "p90": 729.0, "p99": None, "max": 737.0},
    "endings": {"ok": 14, "http_502": 1},
    "reasons": {"least_active": 15},
    "nodes": [{"node": "gpu-1", "requests": 15, "failed": 1, "ttft_ms": {"p50": 26.0}}],
    "retries": 2,
    "ttft_bars": [[20.0, 30.0, 9], [30.0, 40.0, 6]],
    "lag_p99_ms": 0.4,
}


def test_progress_becomes_the_picture() -> None:
    test = LoadTest()
    test.apply({"type": "start", "load": "closed loop, 30 requests"})
    assert test.stage is Stage.RUNNING
    test.apply(PROGRESS)
    assert test.share_done == 0.5
    assert test.ttft.p90 == 33.0
    assert test.nodes[0].node_id == "gpu-1"
    assert test.bars[1] == (30.0, 40.0, 6)


def test_a_process_without_a_result_has_failed() -> None:
    test = LoadTest()
    test.ended(3)
    assert test.stage is Stage.FAILED
    done = LoadTest()
    done.apply({"type": "result", "meta": {"verdict": "PASS"}})
    done.ended(0)
    assert done.stage is Stage.DONE
    assert done.verdict == "PASS"


GATE = {"gate": "errors>0", "passed": True, "measured": 3.0, "unit": "s", "note": "3"}
COMPARED = {"metric": "ttft", "percentile": 50.0, "before_ms": 12.0, "after_ms": 9.0, "change": 0.1, "verdict": "worse"}
COMPARISON = {"type": "comparison", "before": "base", "unlike": ["load"], "rows": [COMPARED], "errors": COMPARED}


@given(JSON)
def test_no_line_of_the_process_breaks_the_console(value: object) -> None:
    test = LoadTest()
    test.apply(value)
    test.apply({"type": "start", "gates": value})
    for name in (*GATE, *COMPARED, *COMPARISON):
        test.apply({"type": "result", "gates": [GATE | {name: value}]})
        compared = COMPARED | {name: value}
        test.apply(COMPARISON | {"rows": [compared], "errors": compared} | {name: value})
        loadtest_lines(test, UNICODE, 80, router="r")
    for name in PROGRESS:
        test.apply(PROGRESS | {name: value})
        assert 0.0 <= test.share_done <= 1.0


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (Wanted(), False),
        (Wanted(requests=""), True),
        (Wanted(requests="0"), True),
        (Wanted(requests="-5"), True),
        (Wanted(at_once="many"), True),
        (Wanted(max_tokens="١٢"), True),
        (Wanted(gates="p90_ttft>500ms errors>0", duration="60s"), False),
        (Wanted(requests="", duration="60s"), False),
        (Wanted(duration="soon"), True),
        (Wanted(gates="p90_tttf>1s"), True),
        (Wanted(gates="slow"), True),
    ],
)
def test_a_test_that_cannot_run_is_refused_before_it_starts(wanted: Wanted, problem: bool) -> None:
    assert bool(wanted.problem()) is problem


def test_no_value_can_pass_for_another_option() -> None:
    assert Wanted(model="--fail-if").arguments() == ["-n30", "-m--fail-if", "--max-tokens=64"]
