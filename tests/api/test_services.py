from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from api.rig import Rig, play

from llmlb.config.sections import NodeSettings
from llmlb.config.settings import Settings
from llmlb.core.node import NodeId


def test_live_engine_key_wins_over_the_files_and_the_files_over_none(tmp_path: Path) -> None:
    settings = replace(Settings(), nodes={"node-1": NodeSettings(api_key="from-file")})

    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        assert rig.services.engine_key(NodeId("node-1")) == "from-file"
        await rig.ask("PATCH", "/v0/nodes/node-1", {"api_key": "live"}, token=rig.admin)
        assert rig.services.engine_key(NodeId("node-1")) == "live"
        await rig.ask("PATCH", "/v0/nodes/node-1", {"api_key": None}, token=rig.admin)
        assert rig.services.engine_key(NodeId("node-1")) == "from-file"
        assert rig.services.engine_key(NodeId("ghost")) == ""

    play(tmp_path, scenario, settings=settings)


def test_files_score_and_limit_hold_until_the_operator_says_otherwise(tmp_path: Path) -> None:
    settings = replace(Settings(), nodes={"node-1": NodeSettings(capability_score=50, max_concurrency=4)})

    async def scenario(rig: Rig) -> None:
        await rig.online("node-1", capability_score=10, max_concurrency=9)
        assert (rig.node().score, rig.node().max_concurrency) == (50, 4)
        patch = {"capability_score": 60, "max_concurrency": 2}
        await rig.ask("PATCH", "/v0/nodes/node-1", patch, token=rig.admin)
        assert (rig.node().score, rig.node().max_concurrency) == (60, 2)

    play(tmp_path, scenario, settings=settings)
