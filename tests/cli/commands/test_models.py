"""llmlb models list and get, llmlb nodes why"""

from __future__ import annotations

import json

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, Asked, FakeRouter, node

from llmlb_cli.commands.models import models_of


@pytest.fixture
def fleet(router: FakeRouter) -> FakeRouter:
    router.add(
        node("gpu-1", loaded_models=["m"], available_models=["m", "q"]),
        node("gpu-2", loaded_models=[], available_models=["m:latest"], draining=True),
        node("gpu-3", state="offline", loaded_models=["q"], available_models=["q"]),
        node("gpu-4", state="pending", loaded_models=["secret"], available_models=[]),
    )
    return router


def test_models_are_counted_over_approved_nodes(fleet: FakeRouter, run: Run) -> None:
    assert run("models", "list") == (
        0,
        "MODEL  READY  NODES  LOADED\nm          1      2       1\nq          1      2       1\n",
        "",
    )
    items = json.loads(run("models", "list", "-o", "json").out)["items"]
    assert items[0]["nodes"][1] == {
        "id": "gpu-2",
        "state": "online",
        "draining": True,
        "late": False,
        "circuit": "closed",
        "ready": False,
        "loaded": False,
        "active_requests": 2,
    }


def test_models_are_narrowed_to_a_node_or_to_what_can_be_served(fleet: FakeRouter, run: Run) -> None:
    assert run("models", "list", "--node", "gpu-3", "-o", "name").out == "q\n"
    fleet.nodes["gpu-1"]["late"] = True
    assert run("models", "list", "--ready").err == "no models\n"
    ran = run("models", "list", "--node", "gpu-9")
    assert (ran.code, "did you mean gpu-" in ran.err) == (6, True)


def test_a_node_that_tells_no_models_takes_any_and_that_is_said(fleet: FakeRouter, run: Run) -> None:
    fleet.add(node("gpu-5", loaded_models=[], available_models=[]))
    assert "any model is also sent to gpu-5" in run("models", "list").err


def _explained(asked: Asked) -> Answer:
    name = asked.query["model"]
    resolved = {"fast": "m"}.get(name, name)
    is_known = resolved in ("m", "q")
    nodes = [
        {"id": "gpu-3", "state": "offline", "eligible": False, "ineligible_because": "model_missing"},
        {"id": "gpu-2", "state": "online", "eligible": True, "excluded_by": ["gpu", "active"], "gpu_usage": 97.0},
        {"id": "gpu-7", "state": "online", "eligible": True, "excluded_by": []},
        {"id": "gpu-1\x1b[2J", "state": "online", "eligible": True, "excluded_by": [], "active_requests": 2},
    ]
    return Answer(
        200,
        {
            "model": name,
            "resolved": resolved,
            "mode": "metrics",
            "choice": {"node": "gpu-7", "reason": "least_active"} if is_known else None,
            "refusal": None if is_known else "no approved node has this model",
            "nodes": nodes if is_known else [],
        },
    )


def test_one_model_is_shown_with_its_nodes_and_found_by_an_alias(fleet: FakeRouter, run: Run) -> None:
    fleet.answers["GET", "/v0/explain"] = _explained
    ran = run("models", "get", "fast")
    assert ran.code == 0
    assert "name      m\n" in ran.out
    assert "gpu-2  Online,Drain  no     no" in ran.out
    item = json.loads(run("models", "get", "m", "-o", "json").out)["item"]
    assert [each["id"] for each in item["nodes"]] == ["gpu-1", "gpu-2"]


def test_an_unknown_model_gets_the_nearest_name(fleet: FakeRouter, run: Run) -> None:
    fleet.add(node("gpu-6", loaded_models=["llama-3.2-1b"], available_models=[]))
    fleet.answers["GET", "/v0/explain"] = _explained
    for words in (["models", "get"], ["nodes", "why"]):
        ran = run(*words, "lama-3.2-1b")
        assert ran.code == 6
        assert "did you mean llama-3.2-1b" in ran.err


def test_why_shows_the_chosen_node_first_and_what_keeps_others_away(fleet: FakeRouter, run: Run) -> None:
    fleet.answers["GET", "/v0/explain"] = _explained
    ran = run("nodes", "why", "fast")
    rows = [line.split("  ")[0] for line in ran.out.splitlines()]
    assert rows == ["NODE", "gpu-7", "gpu-1[2J", "gpu-2", "gpu-3"]
    assert "over gpu, active" in ran.out
    assert "model missing" in ran.out
    assert ran.err == "the next request for fast (an alias of m) goes to gpu-7: least_active, mode metrics\n"
    assert "COST" not in ran.out
    meta = json.loads(run("nodes", "why", "m", "-o", "json").out)["meta"]
    assert meta["choice"] == {"node": "gpu-7", "reason": "least_active"}


def test_why_counts_in_seconds_where_the_mode_does(fleet: FakeRouter, run: Run) -> None:
    usual: dict[str, object] = {"state": "online", "eligible": True, "excluded_by": []}
    nodes = [
        {**usual, "id": "gpu-2", "cost_seconds": 2.5, "cost_terms": {"prefill": 0.4, "load": 0.0, "decode": 2.1}},
        {**usual, "id": "gpu-1", "cost_seconds": 0.12, "cost_terms": {"prefill": 0.12}, "share": 0.3},
    ]
    explained = {
        "model": "m",
        "resolved": "m",
        "mode": "adaptive",
        "choice": {"node": "gpu-1", "reason": "slow_start", "chance": 0.3},
        "otherwise": {"node": "gpu-2", "reason": "least_wait", "chance": 0.7},
        "refusal": None,
        "queued": 2,
        "nodes": nodes,
    }
    fleet.answers["GET", "/v0/explain"] = Answer(200, explained)
    ran = run("nodes", "why", "m", "-o", "wide")
    assert "gpu-1  120ms  chosen, 30% share" in ran.out
    assert ran.out.splitlines()[-1].endswith("prefill 400ms, decode 2.10s")
    assert ran.err == (
        "the next request for m goes to gpu-1 with 30%, else to gpu-2: slow_start, mode adaptive, behind 2 that wait\n"
    )


def test_models_of_a_broken_answer_are_none() -> None:
    assert models_of([{"id": 1, "state": "online", "loaded_models": "m", "available_models": [3, None]}]) == []
