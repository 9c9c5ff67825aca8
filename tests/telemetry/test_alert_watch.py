from __future__ import annotations

from collections.abc import Callable, Collection

from llmlb.core.fleet import Fleet
from llmlb.core.health import NodeState
from llmlb.core.node import Beat, Node, NodeId
from llmlb.telemetry.alert_rules import AlertLimits, AlertView
from llmlb.telemetry.alert_watch import TWIN_MEMORY_S, AlertWatch
from llmlb.telemetry.rates import FleetRates, TrafficRate

NOW_S = 1_000.0
UNIX_S = 1_800_000_000.0
RATES = FleetRates(TrafficRate(0, 0, 0, 0, 0), None, None, None, None, None)


def quiet(watch: AlertWatch, fleet: Fleet, now_s: float = NOW_S) -> Collection[NodeId]:
    return watch.look(AlertView(fleet, RATES, UNIX_S, {}), AlertLimits(), now_s).quiet


def twins(watch: AlertWatch, fleet: Fleet, now_s: float) -> Collection[NodeId]:
    return watch.look(AlertView(fleet, RATES, UNIX_S, {}), AlertLimits(), now_s).twins


def test_a_node_that_timed_out_is_not_quiet(fleet: Fleet, add_node: Callable[..., Node]) -> None:
    add_node("node-1")
    watch = AlertWatch()
    assert quiet(watch, fleet) == set()
    fleet.tick(NOW_S + 61)
    assert quiet(watch, fleet) == set()
    assert quiet(watch, fleet) == set()


def test_a_node_that_said_goodbye_stays_quiet(fleet: Fleet, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    watch = AlertWatch()
    quiet(watch, fleet)
    fleet.beat(node, Beat(leaving=True), now_s=NOW_S + 1, unix_s=UNIX_S)
    assert quiet(watch, fleet) == {"node-1"}
    fleet.tick(NOW_S + 500)
    assert quiet(watch, fleet) == {"node-1"}


def test_a_goodbye_does_not_excuse_a_later_timeout(fleet: Fleet, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    watch = AlertWatch()
    fleet.beat(node, Beat(leaving=True), now_s=NOW_S + 1, unix_s=UNIX_S)
    quiet(watch, fleet)
    fleet.beat(node, Beat(), now_s=NOW_S + 3, unix_s=UNIX_S)
    quiet(watch, fleet)
    fleet.tick(NOW_S + 70)
    assert node.state is NodeState.OFFLINE
    assert quiet(watch, fleet) == set()


def test_a_node_that_was_offline_when_the_router_started_is_quiet(fleet: Fleet, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    node.timeouts = 7
    node.state = NodeState.OFFLINE
    assert quiet(AlertWatch(), fleet) == {"node-1"}


def test_a_twin_is_remembered_while_it_is_refused_and_forgotten_when_it_stops(
    fleet: Fleet, add_node: Callable[..., Node]
) -> None:
    node = add_node("node-1")
    watch = AlertWatch()
    assert twins(watch, fleet, NOW_S) == set()
    node.refused_boot_id = "second"
    assert twins(watch, fleet, NOW_S) == {"node-1"}
    watch.refused_twin(node.id, NOW_S + 500)
    assert twins(watch, fleet, NOW_S + TWIN_MEMORY_S + 1) == {"node-1"}
    assert twins(watch, fleet, NOW_S + 500 + TWIN_MEMORY_S) == set()


def test_another_twin_is_news(fleet: Fleet, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    watch = AlertWatch()
    node.refused_boot_id = "second"
    twins(watch, fleet, NOW_S)
    node.refused_boot_id = "third"
    assert twins(watch, fleet, NOW_S + TWIN_MEMORY_S + 1) == {"node-1"}


def test_a_twin_that_took_over_is_no_twin(fleet: Fleet, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    watch = AlertWatch()
    node.refused_boot_id = "second"
    twins(watch, fleet, NOW_S)
    node.refused_boot_id = ""
    assert twins(watch, fleet, NOW_S + 1) == set()
