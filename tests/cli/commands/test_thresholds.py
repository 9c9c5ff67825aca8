"""llmlb thresholds get, set and preview"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cli.command_line import Run
from cli.fake_router import FakeRouter, node

from llmlb_cli.commands.thresholds import read_changes
from llmlb_cli.exits import ExitCode, Failure


@pytest.fixture
def fleet(router: FakeRouter) -> FakeRouter:
    """Twenty online nodes at 5, 10, ... 100 % GPU."""
    router.add(*(node(f"node-{number}", gpu_usage=5.0 * number) for number in range(1, 21)))
    return router


def test_words_become_the_routers_fields() -> None:
    assert read_changes(["gpu=90", "vram=85.5%", "active=12", "mode=metrics"]) == {
        "gpu_threshold": 90.0,
        "vram_threshold": 85.5,
        "active_request_threshold": 12,
        "mode": "metrics",
    }
    assert read_changes(["gpu_threshold=1", "mode=my_package.module:Policy"])["mode"] == "my_package.module:Policy"


@pytest.mark.parametrize(
    "word",
    [
        *("gpu", "gpu=", "gpu=101", "gpu=-1", "gpu=nan", "gpu=inf", "gpu=x", "gup=9", "=", ""),
        *("active=1.5", "active=-1", "active=100001", "active=٣", "mode=", "mode=a b", "mode=../x"),
    ],
)
def test_a_word_that_is_no_change_is_refused_with_an_example(word: str) -> None:
    with pytest.raises(Failure) as caught:
        read_changes([word])
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.hint


@pytest.mark.parametrize(("words", "hint"), [(["gpu"], "write gpu=VALUE"), (["gpu=85", "gpu_threshold=86"], "once")])
def test_a_threshold_needs_one_value(words: list[str], hint: str) -> None:
    with pytest.raises(Failure) as caught:
        read_changes(words)
    assert hint in caught.value.hint


def test_what_is_in_force_is_shown(router: FakeRouter, run: Run) -> None:
    assert run("thresholds", "get").out == (
        "mode                      metrics\n"
        "gpu_threshold             80\n"
        "vram_threshold            90\n"
        "active_request_threshold  10\n"
    )
    assert json.loads(run("thresholds", "get", "-o", "json").out)["item"] == router.settings


def test_a_preview_names_the_nodes_and_changes_nothing(fleet: FakeRouter, run: Run) -> None:
    ran = run("thresholds", "preview", "gpu=75")
    assert [line.split()[0] for line in ran.out.splitlines()[1:]] == [
        "node-16",
        "node-17",
        "node-18",
        "node-19",
        "node-20",
    ]
    assert "newly" in ran.out.splitlines()[1]
    assert "already" in ran.out.splitlines()[2]
    assert ran.err == "5 nodes would be passed over, 1 of them newly\n"
    assert fleet.settings["gpu_threshold"] == 80.0
    assert run("thresholds", "preview", "gpu=75", "-o", "name").out.splitlines() == [f"node-{n}" for n in range(16, 21)]


def test_a_preview_names_who_would_get_work_again(fleet: FakeRouter, run: Run) -> None:
    assert run("thresholds", "preview", "gpu=100").err == (
        "no node would be passed over\nno longer passed over: node-17, node-18, node-19, node-20\n"
    )
    meta = json.loads(run("thresholds", "preview", "gpu=85", "-o", "json").out)["meta"]
    assert meta == {
        "newly_excluded": [],
        "no_longer_excluded": ["node-17"],
        "models_losing_last_node": [],
        "count": 3,
    }


@pytest.mark.parametrize("words", [("preview",), ("set", "--dry-run")])
def test_a_preview_names_the_models_that_would_lose_their_last_node(
    fleet: FakeRouter, run: Run, typed: Callable[..., None], words: tuple[str, ...]
) -> None:
    fleet.add(node("rare-1", gpu_usage=78.0, loaded_models=["rare"]))
    ran = run("thresholds", *words, "gpu=75")
    assert ran.err == (
        "6 nodes would be passed over, 2 of them newly\nrare would lose its last node below the thresholds\n"
    )
    meta = json.loads(run("thresholds", *words, "gpu=75", "-o", "json").out)["meta"]
    assert meta["models_losing_last_node"] == ["rare"]
    typed("5")
    assert "rare would lose" in run("thresholds", "set", "gpu=60").err, "the question names them too"


def test_a_dry_run_of_set_is_the_preview(fleet: FakeRouter, run: Run) -> None:
    assert run("thresholds", "set", "gpu=75", "--dry-run") == run("thresholds", "preview", "gpu=75")
    assert fleet.settings["gpu_threshold"] == 80.0


def test_a_change_that_drops_a_tenth_asks_nothing(fleet: FakeRouter, run: Run) -> None:
    ran = run("thresholds", "set", "gpu=70", "vram=85", "mode=round_robin")
    assert ran == (0, "thresholds are now mode=round_robin gpu=70 vram=85 active=10  next: llmlb thresholds get\n", "")


def test_a_change_that_drops_more_needs_the_number_and_yes_is_not_enough(
    fleet: FakeRouter, run: Run, typed: Callable[..., None]
) -> None:
    for words in (["--yes"], [], ["--confirm=2"]):
        assert run("thresholds", "set", "gpu=65", *words).code == 2
    assert "--confirm=3" in run("thresholds", "set", "gpu=65", "--yes").err
    assert fleet.settings["gpu_threshold"] == 80.0
    typed("3")
    ran = run("thresholds", "set", "gpu=65")
    assert ran.code == 0
    assert "3 of 20 online nodes would be passed over: node-14, node-15, node-16" in ran.err
    assert fleet.settings["gpu_threshold"] == 65.0


def test_a_change_that_frees_nodes_asks_nothing(fleet: FakeRouter, run: Run) -> None:
    assert run("thresholds", "set", "gpu=100").code == 0
