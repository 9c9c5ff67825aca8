from __future__ import annotations

import pytest
from loadtest.examples import record, result

from llmlb.loadtest.evidence import Yardstick
from llmlb.loadtest.gates import parse_gate
from llmlb.loadtest.plan import Pairs, Plan
from llmlb.loadtest.record import Label
from llmlb.loadtest.standing import standing

GATES = [parse_gate(text) for text in ("errors>0", "p90_ttft>100ms", "lag>20ms", "node:node-1.errors>0", "jain<0.9")]


def test_gates_stand_at_the_end_as_the_result_says() -> None:
    found = result(gates=[gate.text for gate in GATES])
    nodes = ("node-1", "node-2", "node-3")
    assert standing(GATES, Yardstick.of(found.plan), found.records, nodes) == found.verdicts


def test_before_the_first_answer_nothing_is_red_that_needs_one() -> None:
    found = standing(GATES, Yardstick.of(Plan()), [], ())
    assert [verdict.measured for verdict in found] == [0, None, 0.0, None, None]


def test_a_comparison_is_held_against_its_paired_difference() -> None:
    records = [record(label=Label(i, arm=i % 2, pair=i // 2), ttft_s=0.1 if i % 2 else 0.14) for i in range(40)]
    (found,) = standing([parse_gate("p50_overhead>30ms")], Yardstick.of(Plan(Pairs(20))), records, ())
    assert found.measured == pytest.approx(0.04)
