"""Nodes to rows and back: nothing that an operator acknowledged may be lost on the way."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from llmlb.api.node_records import NodeRecord, node_counters, node_row, record_of, restore_node
from llmlb.config.sections import NodeSettings
from llmlb.core.circuit import Circuit
from llmlb.core.health import NodeState
from llmlb.core.node import Figures, Gpu, Node, NodeId, Profile
from llmlb.store.rows import NodeCounters

RECORD = NodeRecord("hash", address="10.0.0.5", api_key="engine", score=7, registered_at=1.0, approved_at=2.0)
names = st.lists(st.text(min_size=1, max_size=8).filter(lambda name: name != "*"), max_size=3).map(tuple)
counts = st.integers(0, 2**53)


@st.composite
def nodes(draw: st.DrawFn) -> Node:
    return Node(
        id=NodeId(draw(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True))),
        profile=Profile(
            url="http://10.0.0.5:8000",
            machine_name=draw(st.text(max_size=8)),
            engine=draw(st.text(max_size=8)),
            agent_version=draw(st.text(max_size=8)),
            gpus=tuple(Gpu(model, vram) for model, vram in draw(st.lists(st.tuples(st.text(), counts), max_size=2))),
            agentless=draw(st.booleans()),
            name=draw(st.text(max_size=8)),
            tags=draw(names),
            note=draw(st.text(max_size=8)),
            score_override=7,
            concurrency_override=draw(st.none() | st.integers(1, 99)),
        ),
        circuit=Circuit(),
        state=draw(st.sampled_from(list(NodeState))),
        draining=draw(st.booleans()),
        revision=draw(st.integers(1, 99)),
        interval_s=draw(st.floats(1, 60)),
        loaded=draw(st.none() | names),
        available=draw(st.none() | names),
        reported_score=draw(counts),
        boot_id=draw(st.text(max_size=8)),
    )


@given(nodes())
def test_a_stored_node_comes_back_as_it_was(node: Node) -> None:
    row = node_row(node, RECORD)
    restored = restore_node(row, None, now_s=10.0, now_unix_s=20.0)
    assert record_of(row) == RECORD
    for field in [
        "id",
        "profile",
        "state",
        "draining",
        "revision",
        "interval_s",
        "loaded",
        "available",
        "reported_score",
        "boot_id",
        "score",
        "serves_any",
    ]:
        assert getattr(restored, field) == getattr(node, field), field
    assert node_row(restored, record_of(row)) == row


def test_a_pending_node_comes_back_pending_whatever_the_state_column_says() -> None:
    node = Node(id=NodeId("n"), profile=Profile(url="http://x"), circuit=Circuit())
    row = node_row(node, NodeRecord("hash"))
    for state in ("online", "offline", "pending", "?"):
        forged = type(row)(**{name: getattr(row, name) for name in row.__slots__} | {"state": state})
        assert restore_node(forged, None, now_s=0, now_unix_s=0).state is NodeState.PENDING


def test_totals_and_last_figures_survive_and_grow_old() -> None:
    node = Node(id=NodeId("n"), profile=Profile(url="http://x"), circuit=Circuit(), state=NodeState.ONLINE)
    node.total_requests, node.failed_requests, node.heartbeats, node.timeouts = 10, 2, 300, 4
    node.response_s, node.ttft_s, node.last_seen_unix_s = 1.5, 0.25, 1_000.0
    node.figures, node.cpu_percent, node.memory_percent = Figures(45.5, 78.2, 65.0), 30.0, 50.0
    node.selections = {"least_active": 9}
    node.reported_concurrency = 2
    row = node_row(node, RECORD)
    restored = restore_node(row, node_counters(node), now_s=500.0, now_unix_s=1_030.0)
    assert restored.max_concurrency == 2, "a node that is full must not get more because the router restarted"
    assert (restored.total_requests, restored.failed_requests, restored.heartbeats, restored.timeouts) == (
        10,
        2,
        300,
        4,
    )
    assert (restored.response_s, restored.ttft_s, restored.last_seen_unix_s) == (1.5, 0.25, 1_000.0)
    assert restored.figures == Figures(45.5, 78.2, 65.0)
    assert (restored.cpu_percent, restored.memory_percent) == (30.0, 50.0)
    assert restored.selections == {"least_active": 9}
    assert restored.has_fresh_figures(500.0)
    assert not restored.has_fresh_figures(561.0)
    node.figures = Figures(None, 97.0)
    assert restore_node(row, node_counters(node), now_s=500.0, now_unix_s=1_030.0).figures == Figures(None, 97.0)


def test_a_clock_that_was_set_back_does_not_make_figures_come_from_the_future() -> None:
    node = Node(id=NodeId("n"), profile=Profile(url="http://x"), circuit=Circuit())
    node.figures, node.last_seen_unix_s = Figures(1.0, 2.0), 2_000.0
    restored = restore_node(node_row(node, RECORD), node_counters(node), now_s=5.0, now_unix_s=1_000.0)
    assert restored.figures_at_s == 5.0


def test_damaged_last_words_are_forgotten_and_do_not_stop_the_start() -> None:
    node = Node(id=NodeId("n"), profile=Profile(url="http://x"), circuit=Circuit())
    damaged: tuple[object, ...] = (
        {},
        [],
        {"figures": 3},
        {"figures": {"gpu_percent": "x"}},
        {"selections": [1], "cpu_percent": True},
        {"max_concurrency": True},
        {"max_concurrency": -1},
    )
    for said in damaged:
        counters = NodeCounters(id="n", figures_json=json.dumps(said))
        restored = restore_node(node_row(node, RECORD), counters, now_s=0.0, now_unix_s=0.0)
        assert restored.figures is None
        assert restored.cpu_percent is None
        assert restored.max_concurrency is None
        assert restored.selections == {}


def test_the_operators_live_word_wins_over_the_file_and_the_file_over_the_node() -> None:
    node = Node(id=NodeId("n"), profile=Profile(url="http://x"), circuit=Circuit(), reported_score=1)
    configured = NodeSettings(capability_score=50, max_concurrency=4)
    with_word = restore_node(node_row(node, RECORD), None, configured=configured, now_s=0, now_unix_s=0)
    assert (with_word.score, with_word.max_concurrency) == (7, 4)
    without = restore_node(node_row(node, NodeRecord("h")), None, configured=configured, now_s=0, now_unix_s=0)
    assert without.score == 50
    assert node_row(without, NodeRecord("h")).score is None, "the file's word must not become the operator's"
