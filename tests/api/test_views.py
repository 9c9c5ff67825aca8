"""What a node looks like from outside, in the corners that the routes do not reach."""

from __future__ import annotations

from random import Random

from pydantic_core import from_json, to_json

from llmlb.api.views import ineligible_because, node_view, uptime_s
from llmlb.core.circuit import CircuitState
from llmlb.core.fleet import Fleet, FleetRules
from llmlb.core.health import NodeState
from llmlb.core.load import Thresholds
from llmlb.core.node import Beat, Exclusion, Figures, Gpu, Node, NodeId, Profile
from llmlb.wire.node import NodeView


def fleet_of_one(beat: Beat) -> tuple[Fleet, Node]:
    fleet = Fleet(rules=FleetRules(), thresholds=Thresholds(), rng=Random(1))
    profile = Profile(url="http://10.0.0.5:8000", gpus=(Gpu("H100", 81559), Gpu("?", 0)))
    node, _ = fleet.register(NodeId("node-1"), profile, Beat(), 100.0)
    fleet.approve(node, 100.0)
    fleet.beat(node, beat, now_s=100.0, unix_s=1_790_000_000.0)
    return fleet, node


def test_view_is_a_listed_node_on_the_wire() -> None:
    fleet, node = fleet_of_one(Beat(figures=Figures(45.5, 78.2, 65.0)))
    node.response_s, node.ttft_s = 1.23456, 0.2
    shown = NodeView.model_validate(from_json(to_json(node_view(node, fleet, 130.0))))
    assert (shown.gpu_usage, shown.vram_usage, shown.temperature) == (45.5, 78.2, 65.0)
    assert (shown.avg_response_time_ms, shown.avg_ttft_ms) == (1234.6, 200.0)
    assert (shown.last_seen, shown.metrics_age_seconds) == ("2026-09-21T14:13:20Z", 30.0)
    assert [gpu.vram_total_mb for gpu in shown.gpus] == [81559, None]


def test_a_node_that_measures_only_one_of_the_two_gpu_figures_says_which() -> None:
    for figures, measured in ((Figures(45.5, None), (True, False)), (Figures(None, 78.2), (False, True))):
        fleet, node = fleet_of_one(Beat(figures=figures))
        shown = node_view(node, fleet, 101.0)
        assert (shown["metrics_available"], shown["vram_metrics_available"]) == measured
        assert (shown["gpu_usage"], shown["vram_usage"]) == (figures.gpu_percent or 0.0, figures.vram_percent or 0.0)


def test_stale_figures_are_shown_with_their_age_but_exclude_nobody() -> None:
    fleet, node = fleet_of_one(Beat(figures=Figures(99.0, 99.0)))
    assert node_view(node, fleet, 101.0)["excluded_by"] == [Exclusion.GPU, Exclusion.VRAM]
    later = node_view(node, fleet, 100.0 + 3 * node.interval_s)
    assert later["excluded_by"] == []
    assert (later["gpu_usage"], later["metrics_available"], later["metrics_age_seconds"]) == (99.0, True, 90.0)


def test_uptime_counts_only_while_online() -> None:
    _, node = fleet_of_one(Beat())
    assert uptime_s(node, 112.34) == 12.3
    node.state = NodeState.OFFLINE
    assert uptime_s(node, 112.34) == 0.0


def test_open_circuit_is_a_reason_to_get_no_work() -> None:
    _, node = fleet_of_one(Beat())
    assert ineligible_because(node) is None
    node.circuit.state = CircuitState.OPEN
    assert ineligible_because(node) == "circuit_open"
