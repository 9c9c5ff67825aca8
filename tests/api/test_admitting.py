"""The bounds on open registration, at their edges."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from api.rig import Rig, error_of, play, registration

from llmlb.errors import StoreBusy


async def join(rig: Rig, number: int, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"url": f"http://10.0.1.{number}:8000", "node_id": f"n{number}"}
    return await rig.ask("POST", "/v0/nodes", body, headers=given, address="127.0.0.1")


def test_fleet_has_a_largest_size_for_administrators_too(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert [(await join(rig, number)).status_code for number in range(3)] == [201, 201, 429]
        by_admin = await join(rig, 3, authorization=f"Bearer {rig.admin}")
        assert (by_admin.status_code, error_of(by_admin)["code"]) == (429, "too_many_nodes")
        await rig.ask("DELETE", "/v0/nodes/n0", token=rig.admin)
        assert (await join(rig, 3)).status_code == 201

    play(tmp_path, scenario, settings=registration(max_nodes=2))


def test_flood_at_the_same_moment_does_not_slip_past_the_bound(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answers = await asyncio.gather(*(join(rig, number) for number in range(12)))
        assert sorted(answer.status_code for answer in answers) == [201] * 4 + [429] * 8
        assert {error_of(answer)["code"] for answer in answers if not answer.is_success} == {"too_many_pending"}
        assert len(rig.services.fleet) == 4
        assert not rig.services.arriving

    play(tmp_path, scenario, settings=registration(max_pending=4))


def test_nameless_nodes_at_the_same_moment_get_different_ids(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answers = await asyncio.gather(*(rig.register(None, url=f"http://10.0.2.{n}:80") for n in range(5)))
        assert sorted(answer.json()["node_id"] for answer in answers) == [f"node-{n}" for n in range(1, 6)]

    play(tmp_path, scenario)


def test_administrators_and_dev_are_not_bound_by_the_limits_on_strangers(tmp_path: Path) -> None:
    async def vouched(rig: Rig) -> None:
        statuses = [(await join(rig, n, authorization=f"Bearer {rig.admin}")).status_code for n in range(3)]
        assert statuses == [201, 201, 201]

    async def anybody(rig: Rig) -> None:
        assert [(await join(rig, n)).status_code for n in range(3)] == [201, 201, 201]

    play(tmp_path / "a", vouched, settings=registration(max_pending=1, per_minute=1))
    play(tmp_path / "b", anybody, settings=registration(max_pending=1, per_minute=1, max_nodes=2), dev=True)


def test_registration_that_could_not_be_stored_gives_the_join_token_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(rig: Rig) -> None:
        made = await rig.ask("POST", "/v0/join-tokens", {"max_uses": 1}, token=rig.admin)
        token = made.json()["token"]
        save_node = rig.services.store.save_node

        async def refuse(*_: Any, **__: Any) -> None:
            raise StoreBusy

        monkeypatch.setattr(rig.services.store, "save_node", refuse)
        assert (await join(rig, 1, x_join_token=token)).status_code == 503
        monkeypatch.setattr(rig.services.store, "save_node", save_node)
        assert (await join(rig, 1, x_join_token=token)).status_code == 201
        assert (await join(rig, 2, x_join_token=token)).status_code == 401
        (row,) = await rig.services.store.load_join_tokens()
        assert row.uses == 1

    play(tmp_path, scenario, settings=registration(require_join_token=True))


def test_token_of_one_use_lets_one_of_many_in(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        made = await rig.ask("POST", "/v0/join-tokens", {"max_uses": 1}, token=rig.admin)
        answers = await asyncio.gather(*(join(rig, n, x_join_token=made.json()["token"]) for n in range(5)))
        assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401, 401]

    play(tmp_path, scenario, settings=registration(require_join_token=True))


def test_wrong_join_token_where_none_is_demanded_earns_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        headers = {"x-join-token": "jt_wrong"}
        statuses = []
        for number in range(3):
            body = {"url": f"http://10.0.1.{number}:8000"}
            statuses.append((await rig.ask("POST", "/v0/nodes", body, headers=headers)).status_code)
        assert statuses == [201, 429, 429]

    play(tmp_path, scenario, settings=registration(per_minute=1))
