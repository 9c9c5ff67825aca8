"""How the nodes stood when one of them was chosen."""

from __future__ import annotations

from fakes.fleet import MODEL, REFUSED, FleetKit

from llmlb.core.admission import RefusalKind
from llmlb.core.balancer import Refused
from llmlb.core.change import ChangeKind
from llmlb.core.lineup import NAMED_NODES, Lineup
from llmlb.core.node import NodeId


def reasons(lineup: Lineup | None) -> dict[str, str]:
    assert lineup is not None
    parts = (lineup.serving, lineup.others)
    return {node_id: because for part in parts for node_id, because in zip(part.node_ids, part.reasons, strict=True)}


def counts(lineup: Lineup | None) -> dict[str, int]:
    assert lineup is not None
    told: dict[str, int] = {}
    for part in (lineup.serving, lineup.others):
        for because, count in part.counts.items():
            if count:
                told[because] = told.get(because, 0) + count
    return told


def test_a_choice_remembers_why_each_other_node_was_none() -> None:
    kit = FleetKit()
    kit.node("busy", limit=1)
    first = kit.take()
    kit.node("free")
    kit.node("elsewhere", models=("other",))
    kit.node("hot", gpu=95.0)
    kit.node("full of memory", vram=95.0)
    kit.node("pending", approved=False)
    kit.fleet.drain(kit.node("drained"), kit.now_s)
    kit.beat(kit.node("gone"), leaving=True)
    broken = kit.node("broken", active=-1)
    kit.fleet.dispatch(broken, kit.now_s)
    kit.fleet.depart(broken, REFUSED, kit.now_s)
    lease = kit.take()
    assert lease.node.id == "free"
    assert lease.lineup is not None
    assert lease.lineup.eligible == 3
    assert reasons(lease.lineup) == {
        "busy": "at_capacity",
        "elsewhere": "model_missing",
        "hot": "gpu",
        "full of memory": "vram",
        "pending": "pending",
        "drained": "draining",
        "gone": "offline",
        "broken": "circuit_open",
    }
    assert set(counts(lease.lineup).values()) == {1}
    assert reasons(first.lineup) == {}


def test_what_a_choice_remembers_does_not_change_with_the_fleet() -> None:
    kit = FleetKit()
    kit.node("a", limit=2)
    other = kit.node("b", limit=1)
    kit.fleet.drain(other, kit.now_s)
    first, second = kit.take(), kit.take()
    assert first.lineup is second.lineup, "nothing changed between them, so nothing was made"
    kit.fleet.undrain(other, kit.now_s)
    assert reasons(first.lineup) == {"b": "draining"}
    third = kit.take()
    assert third.node is other
    assert reasons(third.lineup) == {"a": "at_capacity"}, "b was filled by this choice, not before it"


def test_nodes_that_come_go_or_change_their_models_are_told_at_once() -> None:
    kit = FleetKit()
    kit.node("a")
    assert reasons(kit.fleet.lineup(MODEL)) == {}
    other = kit.node("b", approved=False)
    assert reasons(kit.fleet.lineup(MODEL)) == {"b": "pending"}
    kit.fleet.approve(other, kit.now_s)
    assert (reasons(kit.fleet.lineup(MODEL)), kit.fleet.lineup(MODEL).eligible) == ({}, 2)
    kit.now_s += 1
    kit.beat(other, models=("x",))
    assert reasons(kit.fleet.lineup(MODEL)) == {"b": "model_missing"}
    kit.fleet.remove(other, ChangeKind.DELETED, cause="")
    assert reasons(kit.fleet.lineup(MODEL)) == {}


def test_a_model_that_nobody_has_is_told_who_might_have_it() -> None:
    kit = FleetKit()
    kit.node("a", models=("other",))
    kit.node("b", approved=False)
    assert kit.offer() == Refused(RefusalKind.MODEL_NOT_FOUND)
    assert reasons(kit.fleet.lineup(MODEL)) == {"a": "model_missing", "b": "pending"}


def test_a_node_that_serves_any_model_stands_the_same_towards_one_that_nobody_lists() -> None:
    kit = FleetKit()
    kit.node("a", models=None)
    kit.fleet.drain(kit.node("b", models=None), kit.now_s)
    first, second = kit.take("one"), kit.take("two")
    assert reasons(first.lineup) == {"b": "draining"}
    assert first.lineup is second.lineup


def test_a_large_fleet_is_counted_whole_and_named_in_part() -> None:
    kit = FleetKit()
    kit.node("a")
    for number in range(NAMED_NODES + 5):
        kit.fleet.drain(kit.node(f"d{number}"), kit.now_s)
    kit.node("p", approved=False)
    for number in range(3):
        kit.node(f"o{number}", models=("other",))
    lineup = kit.take().lineup
    assert counts(lineup) == {"draining": NAMED_NODES + 5, "pending": 1, "model_missing": 3}
    assert list(reasons(lineup)) == [f"d{number}" for number in range(NAMED_NODES)]
    kit.fleet.undrain(node := kit.fleet.get(NodeId("d0")) or next(iter(kit.fleet)), kit.now_s)
    kit.fleet.remove(node, ChangeKind.DELETED, cause="")
    assert counts(kit.fleet.lineup(MODEL))["draining"] == NAMED_NODES + 4
