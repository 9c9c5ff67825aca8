"""Live settings: merged, kept, previewed, and refused whole when one part is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from api.rig import Rig, error_of, play

from llmlb.config.sections import LoadBalancerSettings
from llmlb.config.settings import Settings
from llmlb.errors import StoreFull
from llmlb.policies.round_robin import RoundRobinPolicy
from llmlb_tui.model.nodes import read_node
from llmlb_tui.model.settings import read_settings
from llmlb_tui.model.thresholds import preview

PATH = "/v0/settings/load-balancer"
DEFAULTS = {"mode": "metrics", "gpu_threshold": 80.0, "vram_threshold": 90.0, "active_request_threshold": 10}


async def put(rig: Rig, body: dict[str, Any], *, dry_run: bool = False) -> httpx.Response:
    return await rig.ask("PUT", PATH + ("?dry_run=true" if dry_run else ""), body, token=rig.admin)


def test_put_merges_what_it_is_given_and_answers_the_whole(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.ask("GET", PATH, token=rig.viewer)).json() == DEFAULTS
        answer = await put(rig, {"gpu_threshold": 60})
        assert answer.json() == DEFAULTS | {"gpu_threshold": 60.0}
        answer = await put(rig, {"active_request_threshold": 3, "vram_threshold": 70.5})
        assert answer.json() == (await rig.ask("GET", PATH, token=rig.viewer)).json()
        assert rig.services.fleet.thresholds.gpu_percent == 60.0
        assert rig.services.fleet.thresholds.active_requests == 3

    play(tmp_path, scenario)


def test_change_is_stored_with_the_configured_value_it_replaces_and_audited(tmp_path: Path) -> None:
    configured = Settings(load_balancer=LoadBalancerSettings(gpu_threshold=75.0))

    async def scenario(rig: Rig) -> None:
        await put(rig, {"gpu_threshold": 60})
        await put(rig, {"gpu_threshold": 61})
        stored = await rig.services.store.load_settings()
        assert {key: tuple(map(json.loads, pair)) for key, pair in stored.items()} == {
            "load_balancer.gpu_threshold": (61, 75.0)
        }
        row = (await rig.services.store.list_audit())[0]
        assert (row.action, row.detail) == ("settings.change", "gpu_threshold 60.0 -> 61.0")
        assert rig.services.feed.events()[0].kind == "settings"

    play(tmp_path, scenario, settings=configured)


def test_node_over_a_new_threshold_is_excluded_at_once(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online(gpu_metrics={"usage": 50, "vram_usage": 50})
        assert (await rig.ask("GET", "/v0/nodes/node-1", token=rig.viewer)).json()["excluded_by"] == []
        pumped = rig.calls.pumped
        await put(rig, {"gpu_threshold": 40, "vram_threshold": 40})
        assert (await rig.ask("GET", "/v0/nodes/node-1", token=rig.viewer)).json()["excluded_by"] == ["gpu", "vram"]
        assert rig.calls.pumped > pumped

    play(tmp_path, scenario)


def test_mode_changes_live_and_other_settings_do_not_reset_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await put(rig, {"mode": "round_robin"})).json()["mode"] == "round_robin"
        policy = rig.services.balancer.policy
        assert isinstance(policy, RoundRobinPolicy)
        await put(rig, {"gpu_threshold": 50})
        assert rig.services.balancer.policy is policy

    play(tmp_path, scenario)


@pytest.mark.parametrize("dry_run", [False, True])
def test_one_wrong_part_refuses_the_whole_change(dry_run: bool, tmp_path: Path) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "mode": {"mode": "fastest"},
        "gpu_threshold": {"gpu_threshold": 101},
        "vram_threshold": {"vram_threshold": -1},
        "active_request_threshold": {"active_request_threshold": 1.5},
        "gpu_treshold": {"gpu_treshold": 20},
    }

    async def scenario(rig: Rig) -> None:
        for param, body in wrong.items():
            answer = await put(rig, {"gpu_threshold": 10, **body}, dry_run=dry_run)
            assert (answer.status_code, error_of(answer)["param"]) == (422, param)
            assert param != "gpu_treshold" or "did you mean gpu_threshold" in error_of(answer)["message"]
            assert (await rig.ask("GET", PATH, token=rig.admin)).json() == DEFAULTS
        assert await rig.services.store.load_settings() == {}

    play(tmp_path, scenario)


def test_dry_run_says_whom_it_would_exclude_and_changes_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1", gpu_metrics={"usage": 50, "vram_usage": 10})
        await rig.online("node-2", gpu_metrics={"usage": 95, "vram_usage": 10})
        await rig.online("node-3", gpu_metrics=None)
        answer = (await put(rig, {"gpu_threshold": 40, "mode": "round_robin"}, dry_run=True)).json()
        assert answer["dry_run"] is True
        assert (answer["mode"], answer["gpu_threshold"]) == ("round_robin", 40.0)
        excluded = {each["id"]: each["excluded_by"] for each in answer["excluded"]}
        assert excluded == {"node-1": ["gpu"], "node-2": ["gpu"]}
        assert (answer["newly_excluded"], answer["no_longer_excluded"]) == (["node-1"], [])
        assert answer["models_losing_last_node"] == [], "node-3 has it too, and no figures"
        lifted = (await put(rig, {"gpu_threshold": 100}, dry_run=True)).json()
        assert (lifted["excluded"], lifted["no_longer_excluded"]) == ([], ["node-2"])
        assert (await rig.ask("GET", PATH, token=rig.admin)).json() == DEFAULTS
        assert await rig.services.store.load_settings() == {}

    play(tmp_path, scenario)


def test_dry_run_names_the_models_that_would_lose_their_last_node_as_the_console_does(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for number, (usage, models) in enumerate(
            [(50, ["both", "lost:latest"]), (60, ["lost"]), (10, ["both"]), (99, ["lost", "never"]), (5, ["drained"])]
        ):
            metrics = {"usage": usage, "vram_usage": 10}
            await rig.online(f"node-{number}", gpu_metrics=metrics, loaded_models=models)
        await rig.online("node-8", gpu_metrics={"usage": 5, "vram_usage": 10}, loaded_models=["lost"])
        await rig.ask("POST", "/v0/nodes/node-8/drain", token=rig.admin)
        listed = (await rig.ask("GET", "/v0/nodes", token=rig.admin)).json()["nodes"]
        rows = [row for each in listed if (row := read_node(each, rig.clock.now_unix_s))]
        for limit, lost in ((40, ["lost"]), (55, []), (0, ["both", "drained", "lost"]), (100, [])):
            answer = (await put(rig, {"gpu_threshold": limit}, dry_run=True)).json()
            assert answer["models_losing_last_node"] == lost
            now = read_settings(DEFAULTS)
            assert preview(rows, now, now._replace(gpu=float(limit))).bereft == tuple(lost)

    play(tmp_path, scenario)


def test_same_values_again_write_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for body in ({}, DEFAULTS, {"mode": None}):
            assert (await put(rig, body)).json() == DEFAULTS
        assert await rig.services.store.list_audit() == ()

    play(tmp_path, scenario)


def test_full_disk_keeps_the_old_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig) -> None:
        async def refuse(*_: object, **__: object) -> None:
            raise StoreFull

        monkeypatch.setattr(rig.services.store, "save_settings", refuse)
        answer = await put(rig, {"gpu_threshold": 40, "mode": "round_robin"})
        assert (answer.status_code, error_of(answer)["code"]) == (507, "store_full")
        assert (await rig.ask("GET", PATH, token=rig.admin)).json() == DEFAULTS
        assert not isinstance(rig.services.balancer.policy, RoundRobinPolicy)

    play(tmp_path, scenario)
