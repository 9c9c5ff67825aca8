"""The life of a node over HTTP."""

from __future__ import annotations

from pathlib import Path

from api.rig import Rig, error_of, play


def test_node_goes_from_registration_to_deletion(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        await rig.beat()
        assert rig.node().state == "pending"
        assert (await rig.approve()).json()["state"] == "online"
        for verb, draining in (("drain", True), ("undrain", False)):
            answer = await rig.ask("POST", f"/v0/nodes/node-1/{verb}", token=rig.admin)
            assert (answer.status_code, answer.json()["draining"]) == (200, draining)
        assert (await rig.ask("DELETE", "/v0/nodes/node-1", token=rig.admin)).status_code == 204
        assert (await rig.ask("GET", "/v0/nodes/node-1", token=rig.admin)).status_code == 404
        assert not await rig.services.store.load_nodes()

    play(tmp_path, scenario)


def test_if_match_of_an_older_revision_is_409_and_changes_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        revision = (await rig.online()).revision
        for method, path in (("POST", "/drain"), ("PATCH", ""), ("DELETE", "")):
            stale = {"if-match": str(revision - 1)}
            answer = await rig.ask(method, f"/v0/nodes/node-1{path}", {}, token=rig.admin, headers=stale)
            assert (answer.status_code, error_of(answer)["code"]) == (409, "node_changed")
        assert rig.node().revision == revision
        current = {"if-match": str(revision)}
        answer = await rig.ask("POST", "/v0/nodes/node-1/drain", token=rig.admin, headers=current)
        assert answer.status_code == 200

    play(tmp_path, scenario)


def test_rotated_token_replaces_the_old_one(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register()
        answer = await rig.ask("POST", "/v0/nodes/node-1/rotate-token", token=rig.admin)
        assert (await rig.beat()).status_code == 401
        assert (await rig.beat(token=answer.json()["node_token"])).status_code == 200

    play(tmp_path, scenario)
