from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.change import Change, ChangeKind
from llmlb.core.fleet import Fleet
from llmlb.core.node import Beat, Node, NodeId
from llmlb.telemetry.events import FleetEvent
from llmlb.telemetry.feed import VIEWS_PER_FLUSH, Feed
from llmlb.telemetry.subscription import FeedEvent, Subscription

FIRST_ID = 1_000
NOW_S = 1_000.0
UNIX_S = 1_800_000_000.0
FLEET_WIDE = NodeId("")


class Told:
    """A feed and what it told the store."""

    def __init__(self, fleet: Fleet, *, listed_events: int = 100, buffered_events: int = 1_000) -> None:
        self.rows: list[FleetEvent] = []
        self.views = 0
        self.feed = Feed(
            fleet,
            node_view=self._view,
            settings_view=lambda: {"mode": "metrics"},
            snapshot_view=lambda: {"nodes": [node.id for node in fleet]},
            first_id=FIRST_ID,
            on_events=self.rows.extend,
            listed_events=listed_events,
            buffered_events=buffered_events,
        )

    def _view(self, node: Node) -> dict[str, object]:
        self.views += 1
        return {"id": node.id, "active_requests": node.active, "state": node.state.value}

    def announce(self, *kinds: ChangeKind, node_id: str = "node-1", actor: str = "") -> None:
        self.feed.announce([Change(kind, NodeId(node_id), "why") for kind in kinds], actor=actor, at_unix_s=UNIX_S)


@pytest.fixture
def told(fleet: Fleet) -> Told:
    return Told(fleet)


def read(reader: Subscription) -> list[FeedEvent]:
    return reader.take()


def past_snapshot(feed: Feed) -> Subscription:
    """A reader that has read its snapshot."""
    reader = feed.subscribe()
    assert [event.type for event in read(reader)] == ["snapshot"]
    return reader


def test_a_snapshot_carries_the_id_up_to_which_it_is_complete(told: Told, add_node: Callable[..., Node]) -> None:
    add_node("node-1")
    told.announce(ChangeKind.ONLINE)
    [snapshot] = read(told.feed.subscribe())
    assert (snapshot.id, snapshot.data) == (FIRST_ID + 1, {"nodes": ["node-1"]})


def test_a_change_reaches_the_log_the_store_and_the_console(
    told: Told, add_node: Callable[..., Node], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    add_node("node-1")
    reader = past_snapshot(told.feed)
    told.announce(ChangeKind.DRAINING, actor="alice")
    [event] = read(reader)
    assert (event.id, event.type, event.data["node_id"]) == (FIRST_ID + 1, "node", "node-1")
    assert event.data["change"] == {
        "kind": "draining",
        "node_id": "node-1",
        "cause": "why",
        "actor": "alice",
        "at_unix_s": UNIX_S,
    }
    assert event.data["node"] == {"id": "node-1", "active_requests": 0, "state": "online"}
    assert [record.getMessage() for record in caplog.records] == ["node drains"]
    assert [(row.id, row.kind, row.node_id, row.actor) for row in told.rows] == [
        (FIRST_ID + 1, "draining", "node-1", "alice")
    ]


def test_a_removed_node_is_told_as_gone(told: Told, fleet: Fleet, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    reader = past_snapshot(told.feed)
    told.feed.announce(fleet.remove(node, ChangeKind.DELETED, cause="deleted"), at_unix_s=UNIX_S)
    [event] = read(reader)
    assert event.data["node"] is None


def test_fleet_wide_changes_and_settings_have_types_of_their_own(told: Told) -> None:
    reader = past_snapshot(told.feed)
    told.announce(ChangeKind.MASS_SILENCE_BEGAN, ChangeKind.SETTINGS, node_id="")
    fleet_wide, settings = read(reader)
    assert (fleet_wide.type, settings.type) == ("fleet", "settings")
    assert settings.data["settings"] == {"mode": "metrics"}


def test_an_alert_goes_to_consoles_and_store(told: Told) -> None:
    reader = past_snapshot(told.feed)
    told.feed.announce_alert(
        {"id": "a1"}, kind="fired", node_id=NodeId("node-1"), cause="silent", actor="", at_unix_s=UNIX_S
    )
    [event] = read(reader)
    assert (event.type, event.data["alert"]) == ("alert", {"id": "a1"})
    assert [(row.type, row.kind) for row in told.rows] == [("alert", "fired")]


def test_moving_figures_are_told_at_most_once_a_second(told: Told, fleet: Fleet, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    told.feed.flush(NOW_S)
    reader = past_snapshot(told.feed)
    seen: list[object] = []
    for tenth in range(1, 31):
        fleet.dispatch(node, NOW_S)
        told.feed.flush(NOW_S + tenth / 10)
        seen += [event.data["node"] for event in read(reader)]
    assert len(seen) == 3
    assert [view["active_requests"] for view in seen if isinstance(view, dict)] == [10, 20, 30]


def test_a_node_that_does_not_move_is_not_told(told: Told, add_node: Callable[..., Node]) -> None:
    add_node("node-1")
    told.feed.flush(NOW_S)
    reader = past_snapshot(told.feed)
    for second in range(1, 5):
        told.feed.flush(NOW_S + second)
    assert read(reader) == []


def test_no_view_is_made_when_nobody_reads(told: Told, add_node: Callable[..., Node]) -> None:
    add_node("node-1")
    told.announce(ChangeKind.ONLINE)
    told.feed.flush(NOW_S)
    assert told.views == 0


def test_a_change_of_thresholds_renews_the_view_of_every_node(told: Told, add_node: Callable[..., Node]) -> None:
    add_node("node-1")
    told.feed.flush(NOW_S)
    reader = past_snapshot(told.feed)
    told.announce(ChangeKind.SETTINGS, node_id="")
    told.feed.flush(NOW_S + 0.2)
    assert [event.type for event in read(reader)] == ["settings", "node"]


def test_a_fleet_that_falls_over_at_once_is_told_in_slices(told: Told, add_node: Callable[..., Node]) -> None:
    ids = [add_node(f"node-{number}").id for number in range(VIEWS_PER_FLUSH + 50)]
    reader = past_snapshot(told.feed)
    told.feed.announce([Change(ChangeKind.OFFLINE, node_id, "silent") for node_id in ids], at_unix_s=UNIX_S)
    assert told.views == VIEWS_PER_FLUSH
    told.feed.flush(NOW_S)
    assert told.views == 2 * VIEWS_PER_FLUSH
    events = read(reader)
    assert sum("change" in event.data for event in events) == len(ids)


def test_every_node_is_told_in_the_end_however_many_move(told: Told, add_node: Callable[..., Node]) -> None:
    ids = {add_node(f"node-{number}").id for number in range(3 * VIEWS_PER_FLUSH)}
    reader = past_snapshot(told.feed)
    for tenth in range(4):
        told.feed.flush(NOW_S + tenth / 10)
    assert {event.data["node_id"] for event in read(reader)} == ids


def test_only_the_newest_summary_waits_for_a_slow_reader(told: Told) -> None:
    reader = past_snapshot(told.feed)
    for number in range(5):
        told.feed.summarise({"requests_per_second": number})
    [event] = read(reader)
    assert event.data == {"fleet": {"requests_per_second": 4}}


def test_a_returning_console_gets_the_changes_it_missed_and_the_present_view(
    told: Told, fleet: Fleet, add_node: Callable[..., Node]
) -> None:
    node = add_node("node-1")
    add_node("node-2")
    told.feed.flush(NOW_S)
    told.announce(ChangeKind.ONLINE)
    last_id = told.feed.last_id
    told.announce(ChangeKind.LATE)
    told.announce(ChangeKind.ONLINE)
    for second in (1, 2, 3):
        fleet.beat(node, Beat(active_requests=second), now_s=NOW_S + second, unix_s=UNIX_S)
        told.feed.flush(NOW_S + second)
    events = read(told.feed.subscribe(last_id))
    changes = [event.data["change"] for event in events if "change" in event.data]
    assert [change["kind"] for change in changes if isinstance(change, dict)] == ["late", "online"]
    assert [event.data["node"] for event in events if "node" in event.data] == [
        {"id": "node-1", "active_requests": 3, "state": "online"}
    ]
    assert [event.id for event in events] == sorted(event.id for event in events)


def test_an_up_to_date_console_gets_nothing_again(told: Told) -> None:
    told.announce(ChangeKind.ONLINE)
    assert read(told.feed.subscribe(told.feed.last_id)) == []


@pytest.mark.parametrize("last_id", [0, 5, FIRST_ID - 1, FIRST_ID + 100, 10**30, -1])
def test_an_id_from_another_life_of_the_router_gets_a_snapshot(told: Told, last_id: int) -> None:
    told.announce(ChangeKind.ONLINE)
    assert [event.type for event in read(told.feed.subscribe(last_id))] == ["snapshot"]


def test_a_console_away_for_longer_than_the_list_remembers_gets_a_snapshot(fleet: Fleet) -> None:
    told = Told(fleet, listed_events=5)
    for _ in range(6):
        told.announce(ChangeKind.ONLINE)
    assert [event.type for event in read(told.feed.subscribe(FIRST_ID))] == ["snapshot"]
    assert [event.id for event in read(told.feed.subscribe(FIRST_ID + 1))] == list(range(FIRST_ID + 2, FIRST_ID + 7))


def test_a_console_that_missed_too_much_gets_a_snapshot(fleet: Fleet) -> None:
    told = Told(fleet, buffered_events=5)
    for _ in range(6):
        told.announce(ChangeKind.ONLINE)
    assert [event.type for event in read(told.feed.subscribe(FIRST_ID))] == ["snapshot"]


def test_the_event_list_is_newest_first_and_pages(told: Told) -> None:
    for number in range(6):
        told.announce(ChangeKind.ONLINE, node_id=f"node-{number % 2}")
    assert [event.id - FIRST_ID for event in told.feed.events(2)] == [6, 5]
    assert [event.id - FIRST_ID for event in told.feed.events(2, before_id=FIRST_ID + 5)] == [4, 3]
    assert [event.id - FIRST_ID for event in told.feed.events(10, node_id="node-1")] == [6, 4, 2]


def test_going_down_ends_every_reader_and_each_that_comes_later(told: Told) -> None:
    early = told.feed.subscribe()
    told.feed.close()
    late = told.feed.subscribe(FIRST_ID)
    assert early.is_closed
    assert late.is_closed
    assert told.feed.subscribers == 0


def test_a_reader_that_leaves_is_forgotten(told: Told) -> None:
    with told.feed.subscribe():
        assert told.feed.subscribers == 1
    assert told.feed.subscribers == 0


@given(st.lists(st.sampled_from(["announce", "beat", "flush", "summary", "read", "reconnect"]), max_size=60))
def test_ids_only_grow_and_a_reconnected_console_misses_no_change(acts: list[str]) -> None:
    from random import Random

    from llmlb.core.fleet import FleetRules
    from llmlb.core.load import Thresholds
    from llmlb.core.node import Profile

    fleet = Fleet(rules=FleetRules(), thresholds=Thresholds(), rng=Random(1))
    node, _ = fleet.register(NodeId("node-1"), Profile(url="http://n:1"), Beat(), NOW_S)
    told = Told(fleet)
    reader, now_s = past_snapshot(told.feed), NOW_S
    got: list[FeedEvent] = []
    for act in [*acts, "flush", "read"]:
        now_s += 1.0
        match act:
            case "announce":
                told.announce(ChangeKind.ONLINE)
            case "beat":
                fleet.beat(node, Beat(), now_s=now_s, unix_s=UNIX_S)
            case "flush":
                told.feed.flush(now_s)
            case "summary":
                told.feed.summarise({})
            case "read":
                got += read(reader)
            case _:
                reader.close()
                reader = told.feed.subscribe(got[-1].id if got else FIRST_ID)
    ids = [event.id for event in got]
    assert ids == sorted(set(ids))
    assert {event.id for event in got if "change" in event.data} == {row.id for row in told.rows}
