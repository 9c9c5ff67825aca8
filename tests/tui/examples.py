"""Nodes and fleets for tests of the console's model."""

from __future__ import annotations

from typing import Any

from tui.driving import FIRST_S, make_desk
from tui.fake_router import START_UNIX_S, FakeRouter

from llmlb_tui.desk import Desk
from llmlb_tui.model.fleet import FleetState
from llmlb_tui.model.nodes import NodeRow, read_node

Json = dict[str, Any]


def node_json(node_id: str = "gpu-1", **fields: object) -> Json:
    """A node as the router lists it: online, half loaded."""
    return {
        "id": node_id,
        "state": "online",
        "draining": False,
        "late": False,
        "url": "http://10.0.0.1:8000",
        "machine_name": "box-1",
        "name": "",
        "tags": [],
        "note": "",
        "gpu_usage": 50.0,
        "vram_usage": 60.0,
        "temperature": 70.0,
        "cpu_usage": 10.0,
        "memory_usage": 20.0,
        "active_requests": 2,
        "total_requests": 100,
        "failed_requests": 1,
        "avg_response_time_ms": 400.0,
        "avg_ttft_ms": 90.0,
        "last_seen": "2026-11-18T11:06:38Z",
        "uptime_seconds": 3600.0,
        "heartbeats": 12,
        "timeouts": 0,
        "capability_score": 5000,
        "max_concurrency": 16,
        "loaded_models": ["llama-3.3-70b"],
        "available_models": ["llama-3.3-70b"],
        "gpus": [{"model": "H100", "vram_total_mb": 81559}],
        "metrics_available": True,
        "metrics_age_seconds": 1.0,
        "circuit": "closed",
        "excluded_by": [],
        "revision": 1,
    } | fields


def node(node_id: str = "gpu-1", **fields: object) -> NodeRow:
    """The same, read."""
    row = read_node(node_json(node_id, **fields), START_UNIX_S)
    assert row is not None
    return row


def fleet(*nodes: Json) -> FleetState:
    """A fleet whose router's clock stands at START_UNIX_S when the local one stands at FIRST_S."""
    state = FleetState(now_s=FIRST_S, now_unix_s=START_UNIX_S)
    state.apply("snapshot", {"server_time": START_UNIX_S, "nodes": list(nodes)}, now_s=FIRST_S)
    return state


def busy_desk(nodes: int = 40) -> Desk:
    """A desk that looks at a fleet with every kind of trouble, without a network."""
    router = FakeRouter(nodes)
    router.nodes["gpu-0003"].update(state="offline", uptime_seconds=0.0)
    router.nodes["gpu-0004"].update(state="pending", uptime_seconds=0.0)
    router.nodes["gpu-0005"].update(draining=True)
    router.nodes["gpu-0006"].update(excluded_by=["gpu"], gpu_usage=97.0)
    router.nodes["gpu-0007"].update(late=True)
    router.nodes["gpu-0008"].update(metrics_available=False, gpu_usage=0.0, vram_usage=0.0, temperature=None)
    router.alert("a1")
    desk = make_desk()
    desk.connection.heard(FIRST_S)
    desk.state.apply("snapshot", router.snapshot(), now_s=FIRST_S)
    for node_id, history in router.histories.items():
        desk.state.histories[node_id].read(history)
    offline = {"kind": "offline", "node_id": "gpu-0003", "cause": "no heartbeat for 60 s", "actor": "",
               "at_unix_s": START_UNIX_S - 9}  # fmt: skip
    desk.state.apply("node", {"node_id": "gpu-0003", "change": offline}, id="7", now_s=FIRST_S)
    desk.introduce("alice", "admin")
    desk.selection.show(desk.view.ids(desk.state, FIRST_S))
    return desk
