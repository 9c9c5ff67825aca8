"""Why a request would go where: told without moving anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from api.rig import Rig, play

from llmlb.config.sections import ModelsSettings
from llmlb.config.settings import Settings
from llmlb.core.choice import InferenceRequest
from llmlb.core.circuit import CircuitState
from llmlb.core.lease import Lease
from llmlb.core.outcome import Outcome


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
        assert answer["choice"] == {"node": "node-1", "reason": "only_candidate", "chance": 1.0}
        assert (answer["otherwise"], answer["refusal"]) == (None, None)

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
            assert isinstance(offer, Lease)
            assert foretold_next == {"node": offer.node.id, "reason": offer.reason.value, "chance": 1.0}
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
        node.circuit.was_refused = True
        rig.services.announce(rig.services.fleet.answered(node, rig.clock.now_s))
        assert (await explain(rig))["choice"] == {"node": "node-2", "reason": "probe", "chance": 1.0}

    play(tmp_path, scenario)


def test_a_choice_that_is_a_chance_says_how_likely_it_is(tmp_path: Path) -> None:
    """A node that comes back is chosen with its share only; whatever is foretold really happens, in these parts."""

    async def scenario(rig: Rig) -> None:
        await rig.online("node-1", capability_score=9000)
        await rig.online("node-2", capability_score=10)
        circuit, rules = rig.node("node-1").circuit, rig.services.fleet.rules.circuit
        circuit.ejections = 1
        circuit.closed_at_s = rig.clock.now_s - rules.slow_start_s / 2
        answer = await explain(rig)
        share = circuit.share(rules, rig.clock.now_s)
        assert 0.0 < share < 1.0
        assert answer["choice"] == {"node": "node-1", "reason": "highest_capability", "chance": round(share, 4)}
        assert answer["otherwise"] == {"node": "node-2", "reason": "slow_start", "chance": round(1 - share, 4)}
        assert {node["id"]: node["share"] for node in answer["nodes"]} == {"node-1": round(share, 4), "node-2": 1.0}
        seen = []
        for _ in range(400):
            offer = rig.services.balancer.offer(InferenceRequest("m"), rig.clock.now_s)
            assert isinstance(offer, Lease)
            seen.append(f"{offer.node.id} {offer.reason.value}")
            rig.services.balancer.settle(offer, Outcome.cancelled(), rig.clock.now_s)
        assert set(seen) == {"node-1 highest_capability", "node-2 slow_start"}
        assert abs(seen.count("node-2 slow_start") / 400 - (1 - share)) < 0.1

    play(tmp_path, scenario)


def test_costs_are_told_in_seconds_where_the_policy_counts_in_them(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1")
        await rig.online("node-2")
        await rig.online("node-3", loaded_models=["other"])
        assert {node["cost_seconds"] for node in (await explain(rig))["nodes"]} == {None}
        await rig.ask("PUT", "/v0/settings/load-balancer", {"mode": "adaptive"}, token=rig.admin)
        answer = await explain(rig)
        priced = {node["id"]: node for node in answer["nodes"]}
        assert priced["node-3"]["cost_seconds"] is None
        for node_id in ("node-1", "node-2"):
            assert priced[node_id]["cost_seconds"] == pytest.approx(sum(priced[node_id]["cost_terms"].values()))
        cheapest = min(("node-1", "node-2"), key=lambda node_id: priced[node_id]["cost_seconds"])
        assert priced[answer["choice"]["node"]]["cost_seconds"] == priced[cheapest]["cost_seconds"]

    play(tmp_path, scenario)


def test_silent_nodes_in_use_and_ignored_circuits_are_named(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        fleet = rig.services.fleet
        for number in range(3):
            await rig.online(f"node-{number}")
        for node in fleet:
            node.circuit.state = CircuitState.OPEN
            node.circuit.open_until_s = rig.clock.now_s + 1e6
        fleet.set_thresholds(fleet.thresholds, rig.clock.now_s)
        assert (await explain(rig))["choice"]["reason"] == "panic"
        for node in fleet:
            node.circuit.state = CircuitState.CLOSED
        rig.clock.pass_s(fleet.rules.node_timeout_s + 1)
        fleet.tick(rig.clock.now_s)
        assert fleet.is_mass_silent
        assert (await explain(rig))["choice"]["reason"] == "mass_silence"

    play(tmp_path, scenario)


def test_a_refusal_tells_unknown_full_and_absent_models_apart(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1", loaded_models=["full"], max_concurrency=0)
        await rig.online("node-2", loaded_models=["away"])
        await rig.ask("POST", "/v0/nodes/node-2/drain", token=rig.admin)
        refusals = [(await explain(rig, model))["refusal"] for model in ("ghost", "full", "away")]
        rig.clock.pass_s(rig.services.balancer.queue_rules.absent_window_s + 1)
        refusals.append((await explain(rig, "away"))["refusal"])
        nobody = "no node of this model can take a request now"
        assert refusals == [
            "no approved node has this model",
            f"{nobody}: it would wait up to 30 s for one that is busy",
            f"{nobody}: it would wait up to 2 s, for one was there a moment ago",
            nobody,
        ]
        assert (await explain(rig, "full"))["choice"] is None
        assert (await rig.ask("GET", "/v0/explain", token=rig.viewer)).status_code == 422, "which model?"

    play(tmp_path, scenario)


def test_alias_is_resolved(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online(loaded_models=["llama3:latest"])
        answer = await explain(rig, "gpt-4o")
        assert (answer["model"], answer["resolved"]) == ("gpt-4o", "llama3")
        assert answer["choice"]["node"] == "node-1"

    play(tmp_path, scenario, settings=Settings(models=ModelsSettings(aliases={"gpt-4o": "llama3"})))
