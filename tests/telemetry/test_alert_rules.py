from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from llmlb.core.circuit import CircuitState
from llmlb.core.fleet import Fleet
from llmlb.core.health import NodeState
from llmlb.core.node import Beat, Figures, Node, NodeId
from llmlb.telemetry.alert_rules import MAX_FINDINGS, RULES, AlertLimits, AlertView, Evidence
from llmlb.telemetry.rates import FleetRates, TrafficRate

NOW_S = 1_000.0
UNIX_S = 1_800_000_000.0
NO_TRAFFIC = FleetRates(TrafficRate(0, 0, 0, 0, 0), None, None, None, None, None)


def found(rule_name: str, evidence: Evidence) -> list[str]:
    """The subjects that a rule finds."""
    [rule] = [rule for rule in RULES if rule.name == rule_name]
    return [finding.subject for finding in rule.find(evidence)]


@pytest.fixture
def evidence(fleet: Fleet) -> Evidence:
    view = AlertView(fleet=fleet, rates=NO_TRAFFIC, unix_s=UNIX_S, queue_depths={})
    return Evidence(view, AlertLimits(), NOW_S, quiet=(), twins=())


def with_view(evidence: Evidence, **fields: object) -> Evidence:
    view = replace(evidence.view)
    for name, value in fields.items():
        object.__setattr__(view, name, value)
    return replace(evidence, view=view)


def traffic(requests: int, errors: int) -> FleetRates:
    return replace(NO_TRAFFIC, traffic=TrafficRate(1.0, 1.0, requests, errors, 0))


def test_a_healthy_fleet_alarms_nobody(evidence: Evidence, fleet: Fleet, add_node: Callable[..., Node]) -> None:
    for number in range(3):
        add_node(f"node-{number}")
    fleet.tick(NOW_S)
    busy = with_view(evidence, rates=traffic(1000, 10), queue_depths={"llama": 10})
    assert {rule.name: found(rule.name, busy) for rule in RULES} == {rule.name: [] for rule in RULES}


def test_rules_have_distinct_names_and_say_what_to_do() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.hint.endswith(".") for rule in RULES)


def test_an_offline_node_is_found_unless_it_said_goodbye(evidence: Evidence, add_node: Callable[..., Node]) -> None:
    for node in (add_node("node-1"), add_node("node-2")):
        node.state = NodeState.OFFLINE
    assert found("node_offline", replace(evidence, quiet={NodeId("node-2")})) == ["node-1"]


def test_mass_silence_is_one_alert_and_not_one_per_node(
    evidence: Evidence, fleet: Fleet, add_node: Callable[..., Node]
) -> None:
    for number in range(3):
        add_node(f"node-{number}")
    for late_s in (45, 75):
        fleet.tick(NOW_S + late_s)
        later = replace(evidence, now_s=NOW_S + late_s)
        assert found("mass_silence", later) == [""]
        assert found("node_late", later) == []
        assert found("node_offline", later) == []


def test_a_late_node_is_found(evidence: Evidence, fleet: Fleet, add_node: Callable[..., Node]) -> None:
    add_node("node-1")
    fleet.tick(NOW_S + 45)
    assert found("node_late", replace(evidence, now_s=NOW_S + 45)) == ["node-1"]


def test_a_model_is_down_when_no_node_has_been_up(
    evidence: Evidence, fleet: Fleet, add_node: Callable[..., Node]
) -> None:
    for node in (add_node("node-1"), add_node("node-2"), add_node("node-3", models=("qwen",))):
        if "llama" in node.loaded_models:
            node.state = NodeState.OFFLINE
            fleet.answered(node, NOW_S)
    fleet.tick(NOW_S + 4)
    assert found("model_down", replace(evidence, now_s=NOW_S + 4)) == ["llama"]


def test_a_busy_model_is_not_down(evidence: Evidence, fleet: Fleet, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    node.reported_concurrency = 1
    fleet.dispatch(node, NOW_S)
    fleet.tick(NOW_S + 4)
    assert found("model_down", replace(evidence, now_s=NOW_S + 4)) == []


def test_a_model_whose_nodes_an_operator_drains_is_not_down(
    evidence: Evidence, fleet: Fleet, add_node: Callable[..., Node]
) -> None:
    fleet.drain(add_node("node-1"), NOW_S)
    fleet.tick(NOW_S + 4)
    assert found("model_down", replace(evidence, now_s=NOW_S + 4)) == []


def test_a_model_whose_only_node_said_goodbye_is_not_down(
    evidence: Evidence, fleet: Fleet, add_node: Callable[..., Node]
) -> None:
    node = add_node("node-1")
    fleet.beat(node, Beat(leaving=True), now_s=NOW_S + 1, unix_s=UNIX_S)
    fleet.tick(NOW_S + 9)
    assert found("model_down", replace(evidence, now_s=NOW_S + 9, quiet={node.id})) == []


def test_a_node_that_claims_thousands_of_models_does_not_make_thousands_of_alerts(
    evidence: Evidence, fleet: Fleet, add_node: Callable[..., Node]
) -> None:
    node = add_node("node-1", models=tuple(f"model-{number}" for number in range(1000)))
    node.state = NodeState.OFFLINE
    fleet.answered(node, NOW_S)
    fleet.tick(NOW_S + 4)
    assert len(found("model_down", replace(evidence, now_s=NOW_S + 4))) == MAX_FINDINGS


def test_only_a_queue_above_the_limit_is_found(evidence: Evidence) -> None:
    assert found("queue_growing", with_view(evidence, queue_depths={"llama": 11, "qwen": 10})) == ["llama"]


@pytest.mark.parametrize(
    ("requests", "errors", "subjects"),
    [(19, 19, []), (20, 1, []), (20, 2, [""]), (1000, 50, []), (1000, 51, [""]), (0, 0, [])],
)
def test_errors_count_as_a_share_of_enough_requests(
    evidence: Evidence, requests: int, errors: int, subjects: Iterable[str]
) -> None:
    assert found("error_rate", with_view(evidence, rates=traffic(requests, errors))) == subjects


@pytest.mark.parametrize(
    ("degrees_c", "fires_already", "subjects"),
    [(84.9, False, []), (85.0, False, ["node-1"]), (80.0, True, ["node-1"]), (79.9, True, [])],
)
def test_heat_alarms_at_one_limit_and_ends_at_a_lower_one(
    evidence: Evidence, add_node: Callable[..., Node], degrees_c: float, fires_already: bool, subjects: Iterable[str]
) -> None:
    node = add_node("node-1")
    node.figures = Figures(10.0, 10.0, temperature_c=degrees_c)
    seen = replace(evidence, firing={"node-1"} if fires_already else set())
    assert found("temperature", seen) == subjects


def test_an_old_temperature_alarms_nobody(evidence: Evidence, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    node.figures = Figures(10.0, 10.0, temperature_c=99.0)
    assert found("temperature", replace(evidence, now_s=NOW_S + 91)) == []


def test_a_node_forgotten_in_pending_is_found(evidence: Evidence, add_node: Callable[..., Node]) -> None:
    add_node("node-1", approved=False)
    add_node("node-2")
    assert found("pending_long", replace(evidence, now_s=NOW_S + 598)) == []
    assert found("pending_long", replace(evidence, now_s=NOW_S + 600)) == ["node-1"]


@pytest.mark.parametrize("state", [CircuitState.OPEN, CircuitState.HALF_OPEN])
def test_an_ejected_node_is_found_while_it_is_probed_too(
    evidence: Evidence, add_node: Callable[..., Node], state: CircuitState
) -> None:
    add_node("node-1").circuit.state = state
    assert found("circuit_open", evidence) == ["node-1"]


def test_an_offline_node_is_not_reported_as_ejected_as_well(evidence: Evidence, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    node.circuit.state = CircuitState.OPEN
    node.state = NodeState.OFFLINE
    assert found("circuit_open", evidence) == []


def test_twins_store_and_leaks_are_found(evidence: Evidence, add_node: Callable[..., Node]) -> None:
    add_node("node-1")
    assert found("duplicate_instance", replace(evidence, twins={NodeId("node-1")})) == ["node-1"]
    assert found("store_degraded", with_view(evidence, store_error="no space left")) == [""]
    assert found("leaked_lease", with_view(evidence, leaked_leases=1)) == [""]


def test_every_rule_is_documented_with_its_severity() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    documented = dict(re.findall(r"^\| `(\w+)` \| (critical|warning) \|", text, re.M))
    assert documented == {rule.name: rule.severity.value for rule in RULES}


def test_a_gpu_threshold_that_passes_over_whoever_works_is_found(
    evidence: Evidence, fleet: Fleet, add_node: Callable[..., Node]
) -> None:
    nodes = [add_node(f"node-{number}") for number in range(4)]
    fleet.tick(NOW_S)
    for node in nodes[:3]:
        node.active = 1
        node.figures = Figures(99.0, 50.0)
    in_metrics = with_view(evidence, mode="metrics")
    assert found("gpu_threshold", in_metrics) == [""]
    assert found("gpu_threshold", with_view(evidence, mode="adaptive")) == []
    nodes[1].active = nodes[2].active = fleet.thresholds.active_requests
    assert found("gpu_threshold", in_metrics) == [], "nodes that are full are not passed over for their GPU alone"
