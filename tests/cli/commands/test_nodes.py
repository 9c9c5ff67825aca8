"""llmlb nodes list, get and add"""

from __future__ import annotations

import csv
import io
import json

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, FakeRouter, node

from llmlb_cli.registry import NODES

PROMISED = (
    *("id", "state", "gpu_usage", "vram_usage", "temperature", "active_requests", "total_requests"),
    *("avg_response_time_ms", "last_seen", "uptime_seconds", "heartbeats"),
)


@pytest.fixture
def fleet(router: FakeRouter) -> FakeRouter:
    router.add(node("node-10"), node("node-2", state="offline"), node("node-1", state="pending"))
    return router


def test_the_list_shows_every_figure_that_was_promised() -> None:
    shown = {column.key for column in NODES if not column.wide}
    assert shown == set(PROMISED)


def test_nodes_come_in_the_order_of_their_numbers(fleet: FakeRouter, run: Run) -> None:
    assert run("nodes", "list", "-o", "name").out == "node-1\nnode-2\nnode-10\n"


def test_a_state_and_a_model_are_asked_of_the_router(fleet: FakeRouter, run: Run) -> None:
    assert run("nodes", "list", "--state", "offline", "--model", "m:1", "--q", "x", "-o", "name").out == "node-2\n"
    assert fleet.asked[0].query == {"state": "offline", "model": "m:1", "q": "x"}


def test_a_state_that_does_not_exist_is_refused_before_asking(fleet: FakeRouter, run: Run) -> None:
    ran = run("nodes", "list", "--state", "on")
    assert (ran.code, fleet.asked) == (2, [])


def test_data_holds_the_routers_own_fields_and_no_others(fleet: FakeRouter, run: Run) -> None:
    (item, *_) = json.loads(run("nodes", "list", "-o", "json").out)["items"]
    assert item == fleet.nodes["node-1"]


def test_csv_has_a_column_for_each_promised_figure(fleet: FakeRouter, run: Run) -> None:
    (row, *_) = csv.DictReader(io.StringIO(run("nodes", "list", "-o", "csv").out))
    assert set(PROMISED) <= set(row)
    assert row["gpu_usage"] == "45.5"


def test_a_thousand_nodes_are_listed(router: FakeRouter, run: Run) -> None:
    router.add(*(node(f"node-{number}") for number in range(1000)))
    assert len(run("nodes", "list").out.splitlines()) == 1001


def test_one_node_is_shown_with_its_history(fleet: FakeRouter, run: Run) -> None:
    point = {"at": "2026-01-31T12:00:00Z", "gpu_usage": 45.5, "vram_usage": None, "active_requests": 2}
    fleet.answers["GET", "/v0/nodes/node-10"] = Answer(200, {**node("node-10"), "history": [point]})
    out = run("nodes", "get", "node-10").out
    assert "\nstate                 Online\n" in out
    assert out.endswith("AT                   GPU  VRAM  ACTIVE\n2026-01-31 12:00:00  46%     -       2\n")
    assert json.loads(run("nodes", "get", "node-10", "-o", "json").out)["item"]["history"] == [point]


def test_several_nodes_are_a_list_in_data(fleet: FakeRouter, run: Run) -> None:
    document = json.loads(run("nodes", "get", "node-1", "node-2", "-o", "json").out)
    assert (document["kind"], [item["id"] for item in document["items"]]) == ("NodeList", ["node-1", "node-2"])
    assert run("nodes", "get", "node-1", "node-2").out.count("\nstate ") == 2


def test_an_engine_without_an_agent_is_added(router: FakeRouter, run: Run) -> None:
    ran = run("nodes", "add", "http://10.0.0.7:8000", "--node-id", "gpu-7", "--max-concurrency", "16")
    assert ran.out == "added node-9 (Online)  next: llmlb nodes get node-9\n"
    router.answers["POST", "/v0/nodes"] = Answer(201, {"node_id": "node-9", "state": "offline"})
    assert "(Offline until it answers)" in run("nodes", "add", "http://10.0.0.9:8000").out
    assert router.asked[0].body == {
        "url": "http://10.0.0.7:8000",
        "agent": False,
        "node_id": "gpu-7",
        "max_concurrency": 16,
    }


def test_the_engines_key_comes_from_a_file_and_no_secret_is_shown(router: FakeRouter, run: Run, piped: object) -> None:
    assert callable(piped)
    piped("engine-key\n")
    ran = run("nodes", "add", "http://10.0.0.7:8000", "--api-key-file", "-", "-o", "json")
    assert isinstance(router.asked[0].body, dict)
    assert router.asked[0].body["api_key"] == "engine-key"
    assert "nt_secret" not in ran.out
    assert run("nodes", "add", "http://10.0.0.7:8000", "--api-key-file", "absent").code == 2
