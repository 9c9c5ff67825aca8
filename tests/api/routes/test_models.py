"""``GET /v1/models``: what the approved nodes have, as far as the key may use it."""

from __future__ import annotations

from pathlib import Path

from api.rig import Rig, error_of, play

from llmlb.config.sections import ModelsSettings
from llmlb.config.settings import Settings


async def names(rig: Rig, key: str) -> list[str]:
    answer = (await rig.ask("GET", "/v1/models", token=key)).json()
    assert answer["object"] == "list"
    return [entry["id"] for entry in answer["data"]]


def test_list_is_the_sorted_union_of_approved_nodes_without_repeats(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        key = await rig.key()
        assert await names(rig, key) == []
        await rig.online("node-1", loaded_models=["zeta", "llama3:latest"], available_models=["alpha"])
        await rig.online("node-2", loaded_models=["llama3"], available_models=["org/model"])
        await rig.register("node-3", loaded_models=["pending-model"])
        assert await names(rig, key) == ["alpha", "llama3", "org/model", "zeta"]

    play(tmp_path, scenario)


def test_key_with_a_list_of_models_sees_only_those(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online(loaded_models=["a", "b:latest", "c"])
        key = await rig.key(models=("b", "c"))
        assert await names(rig, key) == ["b:latest", "c"]
        hidden = await rig.ask("GET", "/v1/models/a", token=key)
        assert (hidden.status_code, error_of(hidden)["code"]) == (404, "model_not_found")

    play(tmp_path, scenario)


def test_alias_is_listed_while_it_leads_somewhere(tmp_path: Path) -> None:
    aliases = Settings(models=ModelsSettings(aliases={"gpt-4o": "llama3", "ghost": "nothing"}))

    async def scenario(rig: Rig) -> None:
        await rig.online(loaded_models=["llama3:latest"])
        key = await rig.key()
        assert await names(rig, key) == ["gpt-4o", "llama3:latest"]
        assert (await rig.ask("GET", "/v1/models/gpt-4o", token=key)).json()["id"] == "gpt-4o"

    play(tmp_path, scenario, settings=aliases)


def test_one_model_is_found_under_its_usual_spellings_also_with_slashes(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online(loaded_models=["org/model:latest"])
        key = await rig.key()
        for name in ("org/model", "org/model:latest", "org%2Fmodel"):
            answer = await rig.ask("GET", f"/v1/models/{name}", token=key)
            assert answer.json() == {
                "id": "org/model:latest",
                "object": "model",
                "created": int(rig.services.started_at_unix_s),
                "owned_by": "llmlb",
            }
        for name in ("x", "", "org", "a%1b%5b2J"):
            missing = await rig.ask("GET", f"/v1/models/{name}", token=key)
            assert (missing.status_code, error_of(missing)["code"]) == (404, "model_not_found")

    play(tmp_path, scenario)


def test_node_that_leaves_takes_its_models_along(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online(loaded_models=["a"])
        await rig.ask("DELETE", "/v0/nodes/node-1", token=rig.admin)
        assert await names(rig, await rig.key()) == []

    play(tmp_path, scenario)
