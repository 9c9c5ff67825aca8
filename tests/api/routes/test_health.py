from __future__ import annotations

from pathlib import Path

from api.rig import Rig, play


def test_router_is_ready_however_many_nodes_there_are(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        empty = await rig.ask("GET", "/health/ready")
        assert (empty.status_code, empty.json()["nodes"]["total"]) == (200, 0)
        await rig.online("node-1")
        await rig.register("node-2")
        counted = (await rig.ask("GET", "/health/ready")).json()
        assert counted["status"] == "ready"
        assert counted["nodes"] == {"total": 2, "pending": 1, "online": 1, "offline": 0, "draining": 0, "late": 0}

    play(tmp_path, scenario)


def test_draining_router_is_alive_but_not_ready(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.calls.draining = True
        ready = await rig.ask("GET", "/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "draining")
        assert (await rig.ask("GET", "/health/live")).json() == {"status": "live"}

    play(tmp_path, scenario)


def test_balancers_that_ask_with_head_get_the_same_status(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for path in ("/health/live", "/health/ready"):
            assert (await rig.ask("HEAD", path)).status_code == 200

    play(tmp_path, scenario)
