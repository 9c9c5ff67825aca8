from __future__ import annotations

import math

import pytest
from loadtest.examples import fleet_records, record, result

from llmlb.loadtest.gates import SCALARS, parse_gate
from llmlb.loadtest.plan import Plan, Tenant
from llmlb.loadtest.record import Label
from llmlb.loadtest.taxonomy import Ending
from llmlb.loadtest.verdicts import Verdict, shown


def verdict(gate: str, **settings: object) -> Verdict:
    return result(gates=[gate], **settings).verdicts[0]  # type: ignore[arg-type]  # a shorthand of these tests


def test_a_gate_that_holds_passes_and_tells_its_figure() -> None:
    found = verdict("p50_ttft>1s")
    assert (found.passed, found.note) == (True, "")
    assert found.measured == pytest.approx(0.12, abs=0.005)


def test_a_gate_that_trips_tells_what_was_measured() -> None:
    found = verdict("errors>0")
    assert (found.passed, found.measured, found.note) == (False, 2, "measured 2")


def test_errors_count_as_infinite_latency_in_gates() -> None:
    records = [record(i, ending=Ending.STALL if i % 5 == 0 else Ending.OK) for i in range(100)]
    found = verdict("p90_ttft>1h", records=records)
    assert (found.passed, found.measured) == (False, math.inf)
    assert found.note == "measured infinite (requests failed)"


@pytest.mark.parametrize(
    ("gate", "note"),
    [
        ("p99_tttf>1s", "unknown metric 'tttf'; did you mean 'ttft'?"),
        ("p99_ttft>1s", "p99 needs 500 samples, there are 60"),
        ("p50_ttfo>1s", "no request told its ttfo"),
        ("node:gone.errors>0", "no request of node 'gone' in this run"),
        ("tenant:a.errors>0", "no request of tenant 'a' in this run"),
        ("hit_rate<1%", "this run has no figure for hit_rate"),
        ("node:node-1.p90_ttft>1s", "p90 needs 50 samples, there are 20"),
    ],
)
def test_a_gate_that_cannot_be_evaluated_fails(gate: str, note: str) -> None:
    found = verdict(gate)
    assert (found.passed, found.measured, found.note) == (False, None, note)


def test_a_gate_can_look_at_one_node_or_reason() -> None:
    assert verdict("node:node-1.errors>0").passed
    assert verdict("node:node-2.p50_ttft>1s").passed
    assert verdict("reason:retry.retries>0").measured == 6


def test_a_gate_can_look_at_one_tenant_or_at_the_fairness_between_them() -> None:
    records = [record(i, label=Label(i, tenant="ab"[i % 2]), ttft_s=0.1 + i % 2) for i in range(120)]
    plan = Plan(
        gates=tuple(map(parse_gate, ("tenant:a.p90_ttft>1s", "tenant:b.p90_ttft>1s", "tenant_jain<0.9"))),
        tenants=(Tenant("a", 1.0), Tenant("b", 1.0)),
    )
    assert [each.passed for each in result(records, plan=plan).verdicts] == [True, False, True]


@pytest.mark.parametrize("metric", sorted(set(SCALARS) - {"hit_rate", "affinity", "tenant_jain"}))
def test_every_figure_of_a_run_can_be_gated(metric: str) -> None:
    value = "1h" if metric == "lag" else "1e9"
    found = result(fleet_records(), gates=[f"{metric}>{value}"]).verdicts[0]
    assert (found.passed, found.note) == (True, "")


def test_figures_are_shown_with_their_unit() -> None:
    assert shown(0.0123, parse_gate("p50_ttft>1s").unit) == "12.3 ms"
    assert shown(2.5, parse_gate("p50_ttft>1s").unit) == "2.500 s"
    assert shown(0.051, parse_gate("error_rate>1%").unit) == "5.10%"
