"""Why a request would go where: told without moving anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from api.rig import Rig, play

from llmlb.config.sections import ModelsSettings
from llmlb.config.settings import Settings
from llmlb.core.balancer import Admitted
from llmlb.core.choice import InferenceRequest
from llmlb.core.circuit import CircuitState


async def explain(rig: Rig, model: str = "m") -> dict[str, Any]:
    answer: dict[str, Any] = (await rig.ask("GET", f"/v0/explain?model={model}", token=rig.viewer)).json()
    return answer


def because(answer: dict[str, Any]) -> dict[str, str | None]:
    return {node["id"]: node["ineligible_because"] for node in answer["nodes"]}


def test_every_node_is_told_with_the_reason_that_keeps_it_out(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1")
        await rig.online("node-2", loaded_models=["other"])
        await rig.register("node-3")
        await rig.online("node-4")
        await rig.ask("POST", "/v0/nodes/node-4/drain", token=rig.admin)
        await rig.register("node-5", loaded_models=["m"])
        await rig.approve("node-5")
        await rig.online("node-6", max_concurrency=0)
        answer = await explain(rig)
        assert because(answer) == {
            "node-1": None,
            "node-2": "model_missing",
            "node-3": "pending",
            "node-4": "draining",
            "node-5": "offline",
            "node-6": "at_capacity",
        }
        assert answer["choice"] == {"node": "node-1", "reason": "only_candidate"}
        assert answer["refusal"] is None

    play(tmp_path, scenario)


def test_asking_moves_no_rotation_and_takes_no_lease(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.ask("PUT", "/v0/settings/load-balancer", {"mode": "round_robin"}, token=rig.admin)
        for node_id in ("node-1", "node-2", "node-3"):
            await rig.online(node_id)
        foretold = [(await explain(rig))["choice"]["node"] for _ in range(4)]
        assert len(set(foretold)) == 1
        for _ in range(6):
            foretold_next = (await explain(rig))["choice"]
            offer = rig.services.balancer.offer(InferenceRequest("m"), rig.clock.now_s)
            assert isinstance(offer, Admitted)
            assert foretold_next == {"node": offer.lease.node.id, "reason": offer.lease.reason.value}
        assert len(rig.services.balancer.leases) == 6

    play(tmp_path, scenario)


def test_node_over_a_threshold_is_a_last_resort_and_said_to_be_one(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1", gpu_metrics={"usage": 95, "vram_usage": 10})
        await rig.online("node-2", gpu_metrics={"usage": 10, "vram_usage": 10})
        answer = await explain(rig)
        assert {node["id"]: node["excluded_by"] for node in answer["nodes"]} == {"node-1": ["gpu"], "node-2": []}
        assert answer["choice"]["node"] == "node-2"

    play(tmp_path, scenario)


def test_half_open_circuit_gets_the_probe(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1")
        await rig.online("node-2")
        await rig.online("node-3")
        node = rig.node("node-2")
        node.circuit.state = CircuitState.OPEN
        rig.services.announce(rig.services.fleet.answered(node, rig.clock.now_s))
        assert (await explain(rig))["choice"] == {"node": "node-2", "reason": "probe"}

    play(tmp_path, scenario)


def test_unknown_model_and_model_without_a_ready_node_are_told_apart(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online(loaded_models=["m"])
        await rig.ask("POST", "/v0/nodes/node-1/drain", token=rig.admin)
        unknown, away = await explain(rig, "ghost"), await explain(rig, "m")
        assert (unknown["choice"], away["choice"]) == (None, None)
        assert "no approved node has" in unknown["refusal"]
        assert "can take a request now" in away["refusal"]

    play(tmp_path, scenario)


def test_alias_is_resolved(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online(loaded_models=["llama3:latest"])
        answer = await explain(rig, "gpt-4o")
        assert (answer["model"], answer["resolved"]) == ("gpt-4o", "llama3")
        assert answer["choice"]["node"] == "node-1"

    play(tmp_path, scenario, settings=Settings(models=ModelsSettings(aliases={"gpt-4o": "llama3"})))
