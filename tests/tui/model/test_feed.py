"""What the feed's own decoder makes of a node is what the tolerant reading makes of it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from tui.driving import FIRST_S
from tui.examples import fleet, node_json
from tui.fake_router import START_UNIX_S
from tui.model.test_reading import JSON

from llmlb.client.sse import EventParser, ServerEvent
from llmlb_tui.model.feed import decode
from llmlb_tui.model.nodes import NodeRow, read_node

LOOKED_AT = (
    "id", "gpu", "vram", "temp", "active", "avg_ms", "heartbeats", "cpu", "memory", "total", "failed", "ttft_ms",
    "timeouts", "score", "revision", "last_seen_unix_s", "words", "state", "draining", "late", "excluded_by", "circuit",
    "mood", "attention", "is_in_trouble",
)  # fmt: skip


def seen(row: NodeRow | None) -> dict[str, object]:
    assert row is not None
    return {name: getattr(row, name) for name in LOOKED_AT} | {"up_s": row.up_s(START_UNIX_S)}


def fed(value: object) -> NodeRow | None:
    """The node as it is after an event of the feed's own bytes."""
    text = json.dumps({"node_id": "gpu-1", "node": value})
    events = EventParser(decode).feed(f"id: 1\nevent: node\ndata: {text}\n\n".encode())
    state = fleet(node_json("gpu-1", gpu_usage=1.0))
    state.take(events, now_s=FIRST_S)
    return state.nodes["gpu-1"]


@given(st.sampled_from(sorted(node_json())), JSON | st.integers(-(10**20), 10**20) | st.floats(-10.0, 10.0))
def test_a_node_reads_the_same_from_the_feed_as_from_the_list(name: str, value: object) -> None:
    given_node = node_json() | {name: value} | {"id": "gpu-1"}
    assert seen(fed(given_node)) == seen(read_node(json.loads(json.dumps(given_node)), START_UNIX_S))


def test_words_that_did_not_change_are_read_once() -> None:
    state = fleet(node_json("gpu-1"))
    before = state.nodes["gpu-1"].words
    state.take([ServerEvent("2", "node", {"node": node_json("gpu-1", gpu_usage=2.0)})], now_s=FIRST_S)
    assert state.nodes["gpu-1"].words is before
    state.take([ServerEvent("3", "node", {"node": node_json("gpu-1", note="moved")})], now_s=FIRST_S)
    assert state.nodes["gpu-1"].note == "moved"


def test_rows_that_stand_alike_share_their_status() -> None:
    state = fleet(node_json("gpu-1", gpu_usage=1.0), node_json("gpu-2", gpu_usage=2.0), node_json("gpu-3", late=True))
    one, same, other = state.nodes.values()
    assert one.status is same.status
    assert one.status is not other.status
