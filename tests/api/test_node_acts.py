"""What operators do to nodes: acknowledged only when stored, undone by nothing, refused when the node has changed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from api.rig import LAN, Rig, error_of, play

from llmlb.api.node_acts import forget_expired, keep
from llmlb.api.node_records import record_of
from llmlb.api.restoring import restore_fleet
from llmlb.core.change import ChangeKind
from llmlb.core.health import NodeState
from llmlb.core.node import NodeId
from llmlb.core.record import ExchangeRecord
from llmlb.errors import StoreBusy, StoreFull
from llmlb.store.rows import NodeRow

ACTS = ("approve", "reject", "drain", "undrain", "rotate-token")


async def act(rig: Rig, verb: str, node_id: str = "node-1", **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await rig.ask("POST", f"/v0/nodes/{node_id}/{verb}", token=rig.admin, headers=given)


async def stored(rig: Rig) -> dict[str, NodeRow]:
    return {row.id: row for row in await rig.services.store.load_nodes()}


def test_approved_node_is_stored_pinned_probed_and_in_the_audit_before_the_answer(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1", url="http://10.0.0.5:8000/engine")
        answer = await rig.approve()
        assert answer.json()["state"] == "offline"
        row = (await stored(rig))["node-1"]
        assert (row.approval, row.address, row.approved_at) == ("approved", "10.0.0.5", rig.clock.now_unix_s)
        assert row.revision == answer.json()["revision"]
        assert rig.calls.probed == ["node-1"]
        (entry,) = await rig.services.store.list_audit()
        said = (entry.actor, entry.action, entry.target, entry.address)
        assert said == ("user:admin", "node.approve", "node-1", LAN)
        assert rig.services.feed.events()[0].actor == "user:admin"

    play(tmp_path, scenario)


def test_node_approved_while_its_heartbeat_is_fresh_is_online_at_once(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register()
        await rig.beat()
        pumped = rig.calls.pumped
        assert (await rig.approve()).json()["state"] == "online"
        assert rig.calls.pumped > pumped, "requests may wait for it"

    play(tmp_path, scenario)


def test_reason_of_a_drain_is_in_the_audit_and_in_the_event(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        answer = await act(rig, "drain?reason=new%20fan%0d%1b%5b2J")
        assert answer.json()["draining"] is True
        assert (await rig.services.store.list_audit())[0].detail == "new fan[2J"
        assert rig.services.feed.events()[0].cause == "drains: 0 in flight, nothing new; new fan[2J"
        assert (await act(rig, f"drain?reason={'x' * 201}")).status_code == 422

    play(tmp_path, scenario)


def test_pending_node_never_reaches_online_without_approval(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register()
        for _ in range(5):
            rig.clock.pass_s(30)
            assert (await rig.beat()).json()["state"] == "pending"
            rig.services.announce(rig.services.fleet.tick(rig.clock.now_s))
        for verb in ("drain", "undrain", "rotate-token"):
            assert (await act(rig, verb)).json()["state"] == "pending"
        edited = await rig.ask("PATCH", "/v0/nodes/node-1", {"note": "x"}, token=rig.admin)
        assert edited.json()["state"] == "pending"
        assert rig.calls.probed == []

    play(tmp_path, scenario)


def test_url_that_leads_to_a_forbidden_place_is_refused_at_approval_too(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1", url="http://10.0.0.5:8000")
        # As if the rules had been laxer when it registered.
        object.__setattr__(rig.node().profile, "url", "http://169.254.169.254:80")
        answer = await rig.approve()
        assert (answer.status_code, error_of(answer)["code"]) == (422, "url_refused")
        assert rig.node().state is NodeState.PENDING
        assert (await stored(rig))["node-1"].approval == "pending"

    play(tmp_path, scenario)


def test_approving_twice_changes_nothing_and_writes_one_audit_row(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register()
        first, second = await rig.approve(), await rig.approve()
        assert first.json() == second.json()
        assert len(await rig.services.store.list_audit()) == 1

    play(tmp_path, scenario)


def test_rejected_and_deleted_nodes_lose_their_token_and_their_row(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for node_id in ("node-1", "node-2"):
            await rig.online(node_id)
        assert (await act(rig, "reject", "node-1")).json()["id"] == "node-1"
        assert (await rig.ask("DELETE", "/v0/nodes/node-2", token=rig.admin)).status_code == 204
        assert await stored(rig) == {}
        assert rig.services.node_records == {}
        assert set(await rig.services.store.load_rejections()) == {"node-1"}
        assert rig.calls.redialled[-2:] == ["node-1", "node-2"]
        assert [event.kind for event in rig.services.feed.events(2)] == [ChangeKind.DELETED, ChangeKind.REJECTED]
        assert (await rig.register("node-2")).status_code == 201

    play(tmp_path, scenario)


def test_what_still_waits_to_be_counted_does_not_bring_back_the_series_of_a_deleted_node(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1")
        rig.services.requests.add(ExchangeRecord("r", 0.0, model="m", node_id="node-1"))
        assert (await rig.ask("DELETE", "/v0/nodes/node-1", token=rig.admin)).status_code == 204
        rig.services.requests.count()
        assert rig.services.metrics.model("m").requests == {}

    play(tmp_path, scenario)


def test_approving_a_rejected_id_lifts_the_rejection_for_good(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register()
        await act(rig, "reject")
        answer = await rig.approve()
        assert (answer.status_code, answer.json()["id"], answer.json()["state"]) == (200, "node-1", "pending")
        assert "node-1" not in rig.services.fleet
        assert await rig.services.store.load_rejections() == {}
        assert (await rig.register()).status_code == 201

    play(tmp_path, scenario)


def test_drain_and_undrain_are_kept_and_do_nothing_twice(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        revision = rig.node().revision
        for _ in range(2):
            assert (await act(rig, "drain")).json()["draining"] is True
        assert (await stored(rig))["node-1"].draining
        assert rig.node().revision == revision + 1
        for _ in range(2):
            assert (await act(rig, "undrain")).json()["draining"] is False
        assert not (await stored(rig))["node-1"].draining
        assert rig.node().revision == (await stored(rig))["node-1"].revision == revision + 2

    play(tmp_path, scenario)


def test_old_token_ends_the_moment_it_is_replaced(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        old = rig.tokens["node-1"]
        new = (await act(rig, "rotate-token")).json()["node_token"]
        assert new.startswith("nt_")
        assert new != old
        rig.clock.pass_s(5)
        assert (await rig.beat(token=old)).status_code == 401
        assert (await rig.beat(token=new)).status_code == 200
        assert new not in (await rig.ask("GET", "/v0/nodes/node-1", token=rig.admin)).text
        assert all(new not in f"{row.detail}{row.target}" for row in await rig.services.store.list_audit())

    play(tmp_path, scenario)


def test_patch_changes_what_it_names_and_null_takes_it_back(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online(capability_score=100, max_concurrency=8)
        patch = {"name": "left", "tags": ["pool=chat"], "note": "n", "capability_score": 9000, "max_concurrency": 2}
        shown = (await rig.ask("PATCH", "/v0/nodes/node-1", patch, token=rig.admin)).json()
        assert {field: shown[field] for field in patch} == patch
        back = {"capability_score": None, "max_concurrency": None, "note": None}
        shown = (await rig.ask("PATCH", "/v0/nodes/node-1", back, token=rig.admin)).json()
        fields = ("name", "note", "capability_score", "max_concurrency")
        assert [shown[field] for field in fields] == ["left", "", 100, 8]
        row = (await stored(rig))["node-1"]
        assert (row.name, row.tags, row.score, row.max_concurrency) == ("left", ("pool=chat",), None, None)
        assert row.revision == rig.node().revision

    play(tmp_path, scenario)


def test_engine_key_is_used_but_never_shown(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        rig.calls.redialled.clear()
        answer = await rig.ask("PATCH", "/v0/nodes/node-1", {"api_key": "engine-secret"}, token=rig.admin)
        assert answer.status_code == 200
        assert rig.services.engine_key(NodeId("node-1")) == "engine-secret"
        assert rig.calls.redialled == ["node-1"]
        detail = await rig.ask("GET", "/v0/nodes/node-1", token=rig.admin)
        audit = await rig.ask("GET", "/v0/audit", token=rig.admin)
        assert detail.json()["engine_key_set"] is True
        for shown in (answer, detail, audit):
            assert "engine-secret" not in shown.text

    play(tmp_path, scenario)


@pytest.mark.parametrize("verb", ACTS)
def test_act_on_a_node_that_has_changed_meanwhile_is_refused(verb: str, tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register()
        seen = rig.node().revision
        await rig.ask("PATCH", "/v0/nodes/node-1", {"note": "somebody else was here"}, token=rig.admin)
        stale = await act(rig, verb, if_match=str(seen))
        assert (stale.status_code, error_of(stale)["code"]) == (409, "node_changed")
        assert (await act(rig, verb, if_match=f'"{rig.node().revision}"')).status_code == 200

    play(tmp_path, scenario)


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"note": "mine"}), ("DELETE", None)])
def test_edit_and_deletion_heed_the_revision_too(method: str, body: object, tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        headers = {"if-match": str(rig.node().revision - 1)}
        answer = await rig.ask(method, "/v0/nodes/node-1", body, token=rig.admin, headers=headers)
        assert (answer.status_code, error_of(answer)["code"]) == (409, "node_changed")
        assert rig.node().profile.note == ""
        anyway = await rig.ask(method, "/v0/nodes/node-1", body, token=rig.admin, headers={"if-match": "*"})
        assert anyway.is_success

    play(tmp_path, scenario)


def test_if_match_that_is_no_revision_is_a_400(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register()
        for text in ("abc", "-1", "1.0", '""', "9" * 40, "１"):
            headers = {"if-match": text.encode()}
            answer = await rig.ask("POST", "/v0/nodes/node-1/drain", token=rig.admin, headers=headers)  # type: ignore[arg-type]  # raw bytes
            assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid_if_match"), text
        assert not rig.node().draining

    play(tmp_path, scenario)


def test_acts_on_an_unknown_node_say_so(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for verb in ACTS:
            answer = await act(rig, verb, "ghost")
            assert (answer.status_code, error_of(answer)["code"]) == (404, "node_not_found")
        for method in ("PATCH", "DELETE"):
            assert (await rig.ask(method, "/v0/nodes/ghost", {}, token=rig.admin)).status_code == 404

    play(tmp_path, scenario)


@pytest.mark.parametrize(("failure", "status"), [(StoreFull, 507), (StoreBusy, 503)])
def test_store_that_cannot_write_leaves_everything_as_it_was(
    failure: type[Exception], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-2")
        await rig.register("node-1", url="http://10.0.0.6:8000")
        before = (await rig.ask("GET", "/v0/nodes", token=rig.admin)).json()
        tokens, rows = dict(rig.tokens), await stored(rig)

        async def refuse(*_: object, **__: object) -> None:
            raise failure

        for verb in ("save_node", "delete_node", "reject_node"):
            monkeypatch.setattr(rig.services.store, verb, refuse)
        for path in ("node-1/approve", "node-1/reject", "node-2/drain", "node-2/rotate-token"):
            answer = await rig.ask("POST", f"/v0/nodes/{path}", token=rig.admin)
            assert answer.status_code == status, path
            error_of(answer)
        assert (await rig.ask("PATCH", "/v0/nodes/node-2", {"note": "x"}, token=rig.admin)).status_code == status
        assert (await rig.ask("DELETE", "/v0/nodes/node-2", token=rig.admin)).status_code == status
        assert (await rig.register("node-3")).status_code == status
        monkeypatch.undo()
        assert (await rig.ask("GET", "/v0/nodes", token=rig.admin)).json() == before
        assert await stored(rig) == rows
        rig.clock.pass_s(5)
        for node_id, token in tokens.items():
            assert (await rig.beat(node_id, token=token)).status_code == 200

    play(tmp_path, scenario)


def test_two_operators_at_once_do_not_lose_each_others_change(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        await asyncio.gather(
            rig.ask("PATCH", "/v0/nodes/node-1", {"name": "left"}, token=rig.admin),
            act(rig, "drain"),
            rig.ask("PATCH", "/v0/nodes/node-1", {"note": "n"}, token=rig.admin),
            keep(rig.services, NodeId("node-1")),
        )
        row, node = (await stored(rig))["node-1"], rig.node()
        assert (row.name, row.note, row.draining) == ("left", "n", True)
        assert row.revision == node.revision

    play(tmp_path, scenario)


def test_node_that_expires_while_it_is_approved_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register()
        node, fleet = rig.node(), rig.services.fleet
        approval = asyncio.ensure_future(rig.approve())
        while "node:node-1" not in rig.services.locks._locks:
            await asyncio.sleep(0)
        fleet.remove(node, ChangeKind.EXPIRED, cause="expired")
        cleaning = asyncio.ensure_future(forget_expired(rig.services, node.id))
        answer, _ = await asyncio.gather(approval, cleaning)
        assert answer.status_code == 404
        assert node.state is NodeState.PENDING
        assert await stored(rig) == {}
        assert (await rig.beat()).status_code == 404

    play(tmp_path, scenario)


def test_expired_node_that_is_back_already_is_not_forgotten(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register()
        await forget_expired(rig.services, NodeId("node-1"))
        assert (await rig.beat()).status_code == 200
        assert "node-1" in await stored(rig)

    play(tmp_path, scenario)


def test_whole_fleet_comes_back_after_a_restart_with_approvals_and_tokens(tmp_path: Path) -> None:
    tokens: dict[str, str] = {}

    async def before(rig: Rig) -> None:
        await rig.online("node-1")
        await rig.register("node-2", url="http://10.0.0.6:8000")
        await act(rig, "drain", "node-1")
        tokens.update(rig.tokens)

    async def after(rig: Rig) -> None:
        rows = await rig.services.store.load_nodes()
        nodes = restore_fleet(rig.services, rows, await rig.services.store.load_counters())
        assert {node.id: (node.is_approved, node.draining) for node in nodes} == {
            "node-1": (True, True),
            "node-2": (False, False),
        }
        assert rig.services.node_records == {NodeId(row.id): record_of(row) for row in rows}
        for node_id, token in tokens.items():
            assert (await rig.beat(node_id, token=token)).status_code == 200
        assert rig.node("node-1").state is NodeState.ONLINE
        assert rig.node("node-2").state is NodeState.PENDING

    play(tmp_path, before)
    play(tmp_path, after)
