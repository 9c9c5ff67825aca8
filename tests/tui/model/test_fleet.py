from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tui.driving import FIRST_S
from tui.examples import fleet, node_json
from tui.fake_router import START_UNIX_S, FakeRouter
from tui.model.test_reading import JSON

from llmlb_tui.model.fleet import FleetState


def test_a_snapshot_replaces_what_was_known() -> None:
    state = fleet(node_json("gpu-1"), node_json("gpu-2"))
    changed = state.apply("snapshot", {"server_time": START_UNIX_S, "nodes": [node_json("gpu-3")]}, now_s=FIRST_S)
    assert set(state.nodes) == {"gpu-3"}
    assert changed == {"gpu-1", "gpu-2", "gpu-3"}


def test_a_delta_changes_one_node() -> None:
    state = fleet(node_json("gpu-1"), node_json("gpu-2"))
    before = state.revision
    data = {"node_id": "gpu-1", "node": node_json("gpu-1", gpu_usage=99.0)}
    assert state.apply("node", data, now_s=FIRST_S) == {"gpu-1"}
    assert state.nodes["gpu-1"].gpu == 99.0
    assert state.revision > before


def test_a_node_that_is_gone_leaves_the_list() -> None:
    state = fleet(node_json("gpu-1"))
    assert state.apply("node", {"node_id": "gpu-1", "node": None}, now_s=FIRST_S) == {"gpu-1"}
    assert not state.nodes
    assert state.history("gpu-1") is None


def test_an_event_without_a_view_changes_no_node() -> None:
    state = fleet(node_json("gpu-1"))
    change = {"kind": "online", "node_id": "gpu-1", "cause": "", "actor": "", "at_unix_s": START_UNIX_S}
    assert state.apply("node", {"node_id": "gpu-1", "change": change}, now_s=FIRST_S) == set()
    assert state.events.newest == 1


def test_a_wrong_local_clock_does_not_make_nodes_look_late() -> None:
    state = FleetState(now_s=FIRST_S, now_unix_s=START_UNIX_S + 3600)
    state.apply("snapshot", {"server_time": START_UNIX_S, "nodes": [node_json()]}, now_s=FIRST_S)
    row = state.nodes["gpu-1"]
    assert row.seen_s(state.router_now(FIRST_S)) == 2.0
    assert row.seen_s(state.router_now(FIRST_S + 7)) == 9.0
    assert state.skew_s == 3600.0


def test_history_grows_with_heartbeats_only() -> None:
    state = fleet(node_json(heartbeats=1, gpu_usage=10.0))
    for beats, gpu in ((1, 11.0), (2, 20.0), (2, 21.0), (3, 30.0)):
        data = {"node_id": "gpu-1", "node": node_json(heartbeats=beats, gpu_usage=gpu)}
        state.apply("node", data, now_s=FIRST_S)
    history = state.history("gpu-1")
    assert history is not None
    assert list(history.gpu()) == [10.0, 20.0, 30.0]


def test_a_lost_connection_leaves_a_gap_never_a_straight_line() -> None:
    state = fleet(node_json(heartbeats=1, gpu_usage=10.0))
    state.forget_gap()
    state.forget_gap()
    state.apply("node", {"node_id": "gpu-1", "node": node_json(heartbeats=9, gpu_usage=30.0)}, now_s=FIRST_S)
    history = state.history("gpu-1")
    assert history is not None
    assert list(history.gpu()) == [10.0, None, 30.0]


def test_the_routers_own_points_reach_further_back() -> None:
    router = FakeRouter(1)
    state = fleet(*router.nodes.values())
    history = state.history("gpu-0000")
    assert history is not None
    history.read(router.histories["gpu-0000"])
    assert len(history) == 10
    assert history.is_complete


def test_alerts_come_and_go_with_the_feed() -> None:
    router = FakeRouter(1)
    router.alert("a1")
    state = fleet()
    state.apply("alert", {"alert": router.alerts["a1"]}, now_s=FIRST_S)
    assert state.unattended(FIRST_S) == 1
    state.apply("alert", {"alert": router.alerts["a1"] | {"acknowledged_by": "user:bob"}}, now_s=FIRST_S)
    assert state.unattended(FIRST_S) == 0
    assert [alert.acknowledged_by for alert in state.firing(FIRST_S)] == ["bob"]
    over = router.alerts["a1"] | {"resolved_at_unix_s": START_UNIX_S}
    state.apply("alert", {"alert": over}, now_s=FIRST_S)
    assert state.firing(FIRST_S) == []


def test_totals_are_of_online_nodes() -> None:
    state = fleet(
        node_json("a", gpu_usage=40.0),
        node_json("b", gpu_usage=60.0, temperature=81.0, excluded_by=["gpu"]),
        node_json("c", state="offline", gpu_usage=99.0),
        node_json("d", state="pending", gpu_usage=99.0),
        node_json("e", draining=True, metrics_available=False, max_concurrency=None),
    )
    totals = state.totals
    assert (totals.nodes, totals.online, totals.pending, totals.offline) == (5, 3, 1, 1)
    assert (totals.draining, totals.excluded) == (1, 1)
    assert totals.gpu_mean == 50.0
    assert totals.hottest == (81.0, "b")
    assert state.capacity.slots is None, "a node without a limit has no slots to count"


@given(st.sampled_from(["snapshot", "node", "fleet", "alert", "settings", "new-kind"]), JSON)
def test_no_event_of_any_shape_breaks_the_console(kind: str, data: object) -> None:
    state = fleet(node_json())
    state.apply(kind, data, now_s=FIRST_S)
    assert state.totals.nodes == len(state.nodes)


@given(st.dictionaries(st.sampled_from(["nodes", "fleet", "settings", "alerts", "node", "node_id", "change"]), JSON))
def test_no_event_with_the_right_names_and_wrong_values_breaks_the_console(data: dict[str, object]) -> None:
    for kind in ("snapshot", "node", "fleet", "alert", "settings"):
        state = fleet(node_json())
        state.apply(kind, data, now_s=FIRST_S)
        assert isinstance(state.unattended(FIRST_S), int)


def test_a_stranger_cannot_fill_the_memory() -> None:
    state = FleetState()
    nodes = [{"id": f"n{number}"} for number in range(20_050)]
    state.apply("snapshot", {"nodes": nodes}, now_s=0.0)
    assert len(state.nodes) == 20_000
    state.apply("node", {"node_id": "one-more", "node": {"id": "one-more"}}, now_s=0.0)
    assert len(state.nodes) == 20_000
