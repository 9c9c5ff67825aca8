"""llmlb nodes set"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, Asked, FakeRouter, node


@pytest.fixture
def fleet(router: FakeRouter) -> FakeRouter:
    router.add(node("gpu-1", tags=["rack=3", "spare"], note="old"), node("gpu-2", tags=["rack=3"]), node("cpu-1"))
    return router


def patched(router: FakeRouter) -> list[tuple[str, object]]:
    return [(asked.path.rpartition("/")[2], asked.body) for asked in router.asked if asked.method == "PATCH"]


def test_only_what_differs_is_sent_with_the_revision_that_was_seen(fleet: FakeRouter, run: Run) -> None:
    ran = run("nodes", "set", "gpu-1", "--tag", "pool=chat", "--untag", "spare", "--note", "old", "--score", "100")
    assert ran.out == (
        "set gpu-1 (capability_score: 8120 > 100, tags: rack=3 spare > rack=3 pool=chat)  next: llmlb nodes get gpu-1\n"
    )
    (asked,) = fleet.told("PATCH", "/v0/nodes/gpu-1")
    assert asked.body == {"capability_score": 100, "tags": ["rack=3", "pool=chat"]}
    assert asked.headers["if-match"] == "5"
    assert "as it was" in run("nodes", "set", "gpu-1", "--tag", "pool=chat").out
    assert len(patched(fleet)) == 1


def test_a_limit_is_taken_back_with_none_and_a_text_with_nothing(fleet: FakeRouter, run: Run) -> None:
    assert run("nodes", "set", "gpu-1", "--max-concurrency", "none", "--note", "").code == 0
    assert patched(fleet) == [("gpu-1", {"note": "", "max_concurrency": None})]


def test_several_ask_first_and_one_that_is_gone_stops_no_other(
    fleet: FakeRouter, run: Run, typed: Callable[..., None]
) -> None:
    assert run("nodes", "set", "--filter", "gpu", "--tag", "a=1").code == 2
    typed("n")
    assert run("nodes", "set", "gpu-1", "gpu-2", "--tag", "a=1").code == 1
    assert patched(fleet) == []
    ran = run("nodes", "set", "gpu-9", "gpu-2", "--tag", "a=1", "--yes", "-o", "json")
    outcomes = [(item["id"], item["outcome"], item["error"]) for item in json.loads(ran.out)["items"]]
    assert (ran.code, outcomes) == (9, [("gpu-9", "failed", "node_not_found"), ("gpu-2", "set", None)])


def test_a_dry_run_shows_each_nodes_change_and_sends_none(fleet: FakeRouter, run: Run) -> None:
    ran = run("nodes", "set", "--filter", "gpu", "--tag", "rack=4", "--dry-run")
    assert ran.out == (
        "ID     OUTCOME    DETAIL\n"
        "gpu-1  would set  tags: rack=3 spare > rack=4 spare\n"
        "gpu-2  would set  tags: rack=3 > rack=4\n"
    )
    assert run("nodes", "set", "gpu-11", "--tag", "a", "--dry-run").code == 6
    assert run("nodes", "set", "gpu-1", *(f"--tag=t{n}" for n in range(31)), "--dry-run").code == 1
    assert patched(fleet) == []


def test_somebody_elses_change_meanwhile_is_a_conflict_and_not_lost(fleet: FakeRouter, run: Run) -> None:
    def changed_under_us(asked: Asked) -> Answer:
        answer = Answer(200, dict(fleet.nodes["gpu-1"]))
        fleet.nodes["gpu-1"]["revision"] = 6
        return answer

    fleet.answers["GET", "/v0/nodes/gpu-1"] = changed_under_us
    assert run("nodes", "set", "gpu-1", "--tag", "a=1").code == 7
    assert fleet.nodes["gpu-1"]["tags"] == ["rack=3", "spare"]


@pytest.mark.parametrize(
    "words",
    [
        "gpu-1",
        "gpu-1 --tag=",
        "gpu-1 --max-concurrency 0",
        "gpu-1 --score 1e3",
        f"gpu-1 --tag {'x' * 65}",
        "gpu-1 gpu-2 --name x",
        "--filter gpu-1 --name x",
    ],
)
def test_what_cannot_be_set_is_refused_before_anything_is_changed(words: str, fleet: FakeRouter, run: Run) -> None:
    assert run("nodes", "set", "--yes", *words.split(" ")).code == 2
    assert patched(fleet) == []
