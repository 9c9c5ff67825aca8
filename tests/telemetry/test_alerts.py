from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.config.alerts import Severity
from llmlb.core.fleet import Fleet
from llmlb.core.node import Beat, Node, NodeId
from llmlb.telemetry.alert import AlertChange, AlertChangeKind
from llmlb.telemetry.alert_rules import AlertRule, AlertView, Evidence, Finding
from llmlb.telemetry.alerts import Alerts
from llmlb.telemetry.rates import FleetRates, TrafficRate

UNIX_S = 1_800_000_000.0
RATES = FleetRates(TrafficRate(0, 0, 0, 0, 0), None, None, None, None, None)


class Scene:
    """A rule that finds what the test says, and alerts that follow it."""

    def __init__(self, fleet: Fleet, *, for_s: float = 0.0, clear_s: float = 0.0, grace_s: float = 0.0) -> None:
        self.wrong: set[str] = set()
        self._fleet = fleet
        rule = AlertRule("rule", Severity.WARNING, for_s, clear_s, "Do something.", self._find)
        critical = AlertRule("worse", Severity.CRITICAL, 0.0, 0.0, "Hurry.", self._find_worse, waits_for_nodes=False)
        self.alerts = Alerts(started_at_s=0.0, grace_s=grace_s, rules=[rule, critical])

    def _find(self, evidence: Evidence) -> Iterator[Finding]:
        for subject in sorted(self.wrong - {"worse"}):
            yield Finding(subject, f"since {evidence.now_s:g}", NodeId(subject))

    def _find_worse(self, evidence: Evidence) -> Iterator[Finding]:
        if "worse" in self.wrong:
            yield Finding("", "bad")

    def at(self, now_s: float, *wrong: str) -> list[tuple[str, str]]:
        return [(change.kind.value, change.alert.subject) for change in self.changes(now_s, *wrong)]

    def changes(self, now_s: float, *wrong: str) -> list[AlertChange]:
        self.wrong = set(wrong)
        return self.alerts.evaluate(AlertView(self._fleet, RATES, UNIX_S + now_s, {}), now_s)

    @property
    def alert_id(self) -> str:
        [alert] = self.alerts.firing
        return alert.id


def test_trouble_fires_only_once_it_has_lasted(fleet: Fleet) -> None:
    scene = Scene(fleet, for_s=5)
    assert scene.at(0, "a") == []
    assert scene.at(4.9, "a") == []
    assert scene.at(5, "a") == [("fired", "a")]
    assert scene.at(6, "a") == []


def test_trouble_that_comes_and_goes_never_fires(fleet: Fleet) -> None:
    scene = Scene(fleet, for_s=5)
    for second in range(0, 60, 4):
        assert scene.at(second, "a") == []
        assert scene.at(second + 2) == []


def test_a_short_relief_does_not_end_an_alert(fleet: Fleet) -> None:
    scene = Scene(fleet, clear_s=10)
    assert scene.at(0, "a") == [("fired", "a")]
    assert scene.at(1) == []
    assert scene.at(9, "a") == []
    assert scene.at(12) == []
    assert scene.at(21.9) == []
    assert scene.at(22) == [("resolved", "a")]
    assert scene.alerts.firing == []
    [over] = scene.alerts.resolved
    assert (over.fired_at_unix_s, over.resolved_at_unix_s) == (UNIX_S, UNIX_S + 22)


def test_the_cause_of_a_firing_alert_keeps_up_and_its_beginning_stays(fleet: Fleet) -> None:
    scene = Scene(fleet)
    scene.at(0, "a")
    scene.at(30, "a")
    [alert] = scene.alerts.firing
    assert (alert.cause, alert.fired_at_unix_s) == ("since 30", UNIX_S)


def test_a_router_that_has_just_started_raises_no_storm(fleet: Fleet) -> None:
    scene = Scene(fleet, grace_s=60)
    assert scene.at(1, "a", "b", "worse") == [("fired", "")]
    assert scene.at(59, "a", "b", "worse") == []
    assert scene.at(60, "a", "worse") == [("fired", "a")]


def test_critical_alerts_come_first(fleet: Fleet) -> None:
    scene = Scene(fleet)
    scene.at(0, "b")
    scene.at(1, "a", "b")
    scene.at(2, "a", "b", "worse")
    assert [alert.subject for alert in scene.alerts.firing] == ["", "b", "a"]


def test_an_acknowledged_alert_stays_until_its_cause_is_gone(fleet: Fleet) -> None:
    scene = Scene(fleet)
    scene.at(0, "a")
    change = scene.alerts.acknowledge(scene.alert_id, "alice", unix_s=UNIX_S + 1)
    assert change is not None
    assert (change.kind, change.actor) == (AlertChangeKind.ACKNOWLEDGED, "alice")
    assert scene.at(2, "a") == []
    [alert] = scene.alerts.firing
    assert alert.acknowledged_by == "alice"
    assert scene.at(3) == [("resolved", "a")]
    scene.at(4, "a")
    [again] = scene.alerts.firing
    assert (again.id, again.acknowledged_by) == (alert.id, "")


def test_a_silenced_alert_is_silent_when_it_fires_again(fleet: Fleet) -> None:
    scene = Scene(fleet)
    scene.at(0, "a")
    scene.alerts.silence(scene.alert_id, for_s=100, actor="alice", now_s=0, unix_s=UNIX_S)
    [resolved] = scene.changes(1)
    [fired] = scene.changes(2, "a")
    assert resolved.is_silenced
    assert fired.is_silenced
    [alert] = scene.alerts.firing
    assert (alert.silenced_by, alert.silenced_until_unix_s) == ("alice", UNIX_S + 100)


def test_a_silence_ends_by_itself(fleet: Fleet) -> None:
    scene = Scene(fleet)
    scene.at(0, "a")
    scene.alerts.silence(scene.alert_id, for_s=100, actor="alice", now_s=0, unix_s=UNIX_S)
    scene.at(100, "a")
    [alert] = scene.alerts.firing
    assert alert.silenced_until_unix_s is None
    [resolved] = scene.changes(101)
    assert not resolved.is_silenced


def test_a_silence_of_no_time_ends_one(fleet: Fleet) -> None:
    scene = Scene(fleet)
    scene.at(0, "a")
    for for_s in (100.0, 0.0):
        scene.alerts.silence(scene.alert_id, for_s=for_s, actor="alice", now_s=0, unix_s=UNIX_S)
    assert scene.alerts.firing[0].silenced_by == ""
    [resolved] = scene.changes(1)
    assert not resolved.is_silenced


def test_what_does_not_fire_can_be_neither_acknowledged_nor_silenced(fleet: Fleet) -> None:
    scene = Scene(fleet, for_s=5)
    scene.at(0, "a")
    assert scene.alerts.acknowledge("nonsense", "alice", unix_s=UNIX_S) is None
    assert scene.alerts.silence("nonsense", for_s=1, actor="alice", now_s=0, unix_s=UNIX_S) is None


@given(st.lists(st.sets(st.sampled_from("abc")), max_size=40), st.integers(0, 3), st.integers(0, 3))
def test_every_alert_that_is_over_has_fired_and_none_fires_twice(
    story: list[set[str]], for_s: int, clear_s: int
) -> None:
    from random import Random

    from llmlb.core.fleet import FleetRules
    from llmlb.core.load import Thresholds

    scene = Scene(Fleet(rules=FleetRules(), thresholds=Thresholds(), rng=Random(1)), for_s=for_s, clear_s=clear_s)
    firing: set[str] = set()
    for second, wrong in enumerate(story):
        for kind, subject in scene.at(second, *wrong):
            assert (subject in firing) is (kind == "resolved")
            firing ^= {subject}
        assert {alert.subject for alert in scene.alerts.firing} == firing


# The real rules on a real fleet


@pytest.fixture
def alerts() -> Alerts:
    return Alerts(started_at_s=0.0, grace_s=0.0)


def judge(alerts: Alerts, fleet: Fleet, now_s: float) -> set[tuple[str, str]]:
    fleet.tick(now_s)
    changes = alerts.evaluate(AlertView(fleet, RATES, UNIX_S, {}), now_s)
    return {(change.kind.value, change.alert.rule) for change in changes}


def test_a_node_that_dies_is_reported_and_its_return_too(
    alerts: Alerts, fleet: Fleet, add_node: Callable[..., Node]
) -> None:
    node = add_node("node-1")
    for other in ("node-2", "node-3"):
        add_node(other)
    told: set[tuple[str, str]] = set()
    for second in range(70):
        now_s = 1_000.0 + second
        for other in ("node-2", "node-3"):
            fleet.beat(fleet.get(NodeId(other)) or node, Beat(loaded_models=("llama",)), now_s=now_s, unix_s=UNIX_S)
        told |= judge(alerts, fleet, now_s)
    assert told == {("fired", "node_late"), ("fired", "node_offline"), ("resolved", "node_late")}
    fleet.beat(node, Beat(), now_s=1_070.0, unix_s=UNIX_S)
    judge(alerts, fleet, 1_070.0)
    assert judge(alerts, fleet, 1_075.0) == {("resolved", "node_offline")}


def test_a_node_that_leaves_raises_no_alert_at_all(alerts: Alerts, fleet: Fleet, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    judge(alerts, fleet, 1_000.0)
    fleet.beat(node, Beat(leaving=True, loaded_models=("llama",)), now_s=1_001.0, unix_s=UNIX_S)
    told: set[tuple[str, str]] = set()
    for second in range(1, 200):
        told |= judge(alerts, fleet, 1_001.0 + second)
    assert told == set()


def test_a_deleted_nodes_alert_is_over(alerts: Alerts, fleet: Fleet, add_node: Callable[..., Node]) -> None:
    from llmlb.core.change import ChangeKind

    node = add_node("node-1", models=("a",))
    judge(alerts, fleet, 1_000.0)
    judge(alerts, fleet, 1_061.0)
    assert [alert.rule for alert in alerts.firing if alert.node_id == "node-1"] == ["node_offline"]
    fleet.remove(node, ChangeKind.DELETED, cause="deleted")
    judge(alerts, fleet, 1_062.0)
    judge(alerts, fleet, 1_070.0)
    assert alerts.firing == []
