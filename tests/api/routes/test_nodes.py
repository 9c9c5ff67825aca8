"""The list of nodes and the pages of one node."""

from __future__ import annotations

from pathlib import Path

from api.rig import Rig, error_of, play

from llmlb.wire.node import NodeDetail, NodeHealth, NodeList, NodeMetrics, NodeView


async def three(rig: Rig) -> None:
    await rig.online("node-1", loaded_models=["llama3:latest"])
    await rig.register("node-2", url="http://10.0.0.6:8000", machine_name="Rack-3", loaded_models=["qwen"])
    await rig.online("node-3", loaded_models=None)
    await rig.ask("PATCH", "/v0/nodes/node-1", {"name": "left", "tags": ["pool=chat"]}, token=rig.admin)


def test_list_is_narrowed_by_state_model_and_text(tmp_path: Path) -> None:
    narrowed = {
        "": ["node-1", "node-2", "node-3"],
        "?state=pending": ["node-2"],
        "?state=offline": [],
        "?model=llama3": ["node-1", "node-3"],
        "?model=qwen&state=pending": ["node-2"],
        "?q=rack": ["node-2"],
        "?q=CHAT": ["node-1"],
        "?q=10.0.0.6": ["node-2"],
        "?q=nothing": [],
    }

    async def scenario(rig: Rig) -> None:
        await three(rig)
        for query, expected in narrowed.items():
            answer = await rig.ask("GET", f"/v0/nodes{query}", token=rig.viewer)
            assert [node["id"] for node in answer.json()["nodes"]] == expected, query

    play(tmp_path, scenario)


def test_unknown_state_is_refused_and_the_states_are_named(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("GET", "/v0/nodes?state=rejected", token=rig.viewer)
        error = error_of(answer)
        assert (answer.status_code, error["param"]) == (422, "state")
        assert "pending" in error["message"]

    play(tmp_path, scenario)


def test_answers_have_exactly_the_promised_fields(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await three(rig)
        listed = (await rig.ask("GET", "/v0/nodes", token=rig.viewer)).json()
        NodeList.model_validate(listed)
        assert all(list(node) == list(NodeView.model_fields) for node in listed["nodes"])
        for path, model in (("", NodeDetail), ("/metrics", NodeMetrics), ("/health", NodeHealth)):
            shown = (await rig.ask("GET", f"/v0/nodes/node-1{path}", token=rig.viewer)).json()
            model.model_validate(shown)
            assert set(shown) == set(model.model_fields), path

    play(tmp_path, scenario)


def test_node_without_figures_shows_numbers_and_says_that_they_are_none(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online(gpu_metrics=None)
        node = (await rig.ask("GET", "/v0/nodes/node-1", token=rig.viewer)).json()
        assert (node["gpu_usage"], node["vram_usage"], node["metrics_available"]) == (0.0, 0.0, False)
        assert node["temperature"] is None
        assert node["metrics_age_seconds"] is None
        assert node["history"][0]["gpu_usage"] is None

    play(tmp_path, scenario)


def test_node_that_cannot_tell_its_gpus_use_is_judged_by_what_it_tells(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online(gpu_metrics={"vram_usage": 97, "temperature": 88})
        node = (await rig.ask("GET", "/v0/nodes/node-1", token=rig.viewer)).json()
        assert (node["gpu_usage"], node["vram_usage"], node["temperature"]) == (0.0, 97.0, 88.0)
        assert (node["metrics_available"], node["excluded_by"]) == (False, ["vram"])
        assert [(point["gpu_usage"], point["vram_usage"]) for point in node["history"]] == [(None, 97.0)]
        excluded = await rig.ask("PUT", "/v0/settings/load-balancer?dry_run=true", {"mode": "metrics"}, token=rig.admin)
        assert [(node["gpu_usage"], node["excluded_by"]) for node in excluded.json()["excluded"]] == [(0.0, ["vram"])]

    play(tmp_path, scenario)


def test_history_holds_the_last_ten_points_oldest_first(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register()
        for usage in range(12):
            rig.clock.pass_s(30)
            await rig.beat(gpu_metrics={"usage": usage, "vram_usage": 0})
        history = (await rig.ask("GET", "/v0/nodes/node-1/metrics", token=rig.viewer)).json()["history"]
        assert [point["gpu_usage"] for point in history] == [float(usage) for usage in range(2, 12)]
        assert history[0]["at"] < history[-1]["at"]

    play(tmp_path, scenario)


def test_health_counts_down_to_the_timeout_only_while_online(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        rig.clock.pass_s(12)
        health = (await rig.ask("GET", "/v0/nodes/node-1/health", token=rig.viewer)).json()
        assert (health["state"], health["time_until_timeout"], health["uptime_seconds"]) == ("online", 48.0, 12.0)
        rig.clock.pass_s(50)
        rig.services.announce(rig.services.fleet.tick(rig.clock.now_s))
        health = (await rig.ask("GET", "/v0/nodes/node-1/health", token=rig.viewer)).json()
        assert (health["state"], health["time_until_timeout"], health["uptime_seconds"]) == ("offline", None, 0.0)

    play(tmp_path, scenario)
