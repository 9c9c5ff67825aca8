from __future__ import annotations

from pathlib import Path

from api.rig import Rig, error_of, play


def test_audit_is_read_page_by_page_newest_first(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        for verb in ("drain", "undrain", "drain"):
            await rig.ask("POST", f"/v0/nodes/node-1/{verb}", token=rig.admin)
        first = (await rig.ask("GET", "/v0/audit?limit=3", token=rig.admin)).json()["audit"]
        assert [row["action"] for row in first] == ["node.drain", "node.undrain", "node.drain"]
        rest = (await rig.ask("GET", f"/v0/audit?before={first[-1]['id']}", token=rig.admin)).json()["audit"]
        assert [row["action"] for row in rest] == ["node.approve"]
        assert rest[0] == {
            "id": rest[0]["id"],
            "at": "2026-09-21T14:13:20Z",
            "actor": "user:admin",
            "action": "node.approve",
            "target": "node-1",
            "detail": "http://10.0.0.5:8000",
            "address": "10.1.2.3",
        }

    play(tmp_path, scenario)


def test_page_that_cannot_be_is_refused_and_not_a_failure(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for query in ("limit=0", "limit=1001", "before=-1", "before=" + "9" * 30, "before=x"):
            answer = await rig.ask("GET", f"/v0/audit?{query}", token=rig.admin)
            assert (answer.status_code, error_of(answer)["code"]) == (422, "invalid_value"), query

    play(tmp_path, scenario)


def test_act_of_a_key_names_the_key(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register()
        await rig.ask("POST", "/v0/nodes/node-1/approve", token=await rig.key("admin"))
        assert (await rig.services.store.list_audit())[0].actor == "key:test"

    play(tmp_path, scenario)
