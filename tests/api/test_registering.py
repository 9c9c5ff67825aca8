"""Registration over HTTP: who gets which id, who must prove what, and what is kept of hostile words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from api.rig import LAN, Rig, error_of, play, registration

HOSTILE = "\x1b]0;owned\x07\u202egnp\u2066\x00\x9b31m\u200e\r\n evil\u2028\ufeff"
"""A terminal title, colours, reordering, separators."""


def _acts(text: str) -> set[str]:
    return {char for char in text if ord(char) < 32 or 127 <= ord(char) < 160} | set(text) & set(
        "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff"
    )


def _strings(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for each in value for text in _strings(each)]
        case dict():
            return [text for each in value.items() for text in _strings(list(each))]
        case _:
            return []


def test_hostile_strings_are_stored_clean_in_every_field_a_node_sends(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        registered = await rig.register(
            "node-1",
            machine_name=f"m{HOSTILE}",
            engine=f"e{HOSTILE}",
            gpus=[{"model": f"g{HOSTILE}", "vram_total_mb": 1, f"k{HOSTILE}": HOSTILE}],
            loaded_models=[f"l{HOSTILE}", HOSTILE],
            available_models=[f"a{HOSTILE}"],
            agent_version=f"v{HOSTILE}",
            boot_id=f"b{HOSTILE}",
        )
        assert registered.status_code == 201, registered.text
        beaten = await rig.beat(
            boot_id=f"b{HOSTILE}", loaded_models=[f"x{HOSTILE}"], available_models=[f"y{HOSTILE}"], extra=HOSTILE
        )
        assert beaten.status_code == 200
        for path in ("/v0/nodes", "/v0/nodes/node-1", "/v0/status"):
            shown = _strings((await rig.ask("GET", path, token=rig.admin)).json())
            assert not {text for text in shown if _acts(text)}, path
        view = (await rig.ask("GET", "/v0/nodes/node-1", token=rig.admin)).json()
        assert view["machine_name"].startswith("m]0;owned")
        assert view["loaded_models"] == ["x]0;ownedgnp31m evil"]
        (row,) = await rig.services.store.load_nodes()
        assert not _acts(str((row.machine_name, row.engine, row.agent_version, row.loaded_models)).replace("\\", ""))
        assert "\\x1b" not in repr(row)
        assert "\\u202e" not in repr(row)

    play(tmp_path, scenario)


UNFIT: list[tuple[str, object]] = [
    *(("node_id", node_id) for node_id in ("", "../up", "a b", "-x", "x" * 64, "n\n", "n\u202e", "ü")),
    ("url", ""),
    ("url", "ftp://10.0.0.5/"),
    ("url", "http://169.254.169.254/latest"),
    ("url", "http://user:pw@10.0.0.5:8000"),
    ("url", "http://0.0.0.0:8000"),
    ("url", "not a url"),
    ("url", "http://127.0.0.1:8080"),
    ("url", "http://10.0.0.5:8000/\r\nx"),
    ("url", "http://" + "a" * 3000),
    ("capability_score", -1),
    ("max_concurrency", 1.5),
    ("heartbeat_secs", 5),
    ("heartbeat_secs", 61),
    ("gpus", [{"vram_total_mb": 1}]),
    ("gpus", [{"model": "g"}] * 65),
    ("loaded_models", "m"),
    ("machine_name", "m" * 129),
    ("agent", "no"),
    ("api_key", "two words"),
]


def test_registration_that_does_not_fit_names_the_field_and_leaves_no_node(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for field, value in UNFIT:
            wanted = {"url": "http://10.0.0.5:8000", "node_id": "node-1", field: value}
            # From this machine, which may try as often as it likes.
            answer = await rig.ask("POST", "/v0/nodes", wanted, address="127.0.0.1")
            assert answer.status_code == 422, (field, value, answer.text)
            assert error_of(answer)["param"].startswith(field), (field, value)
        assert len(rig.services.fleet) == 0

    play(tmp_path, scenario)


def test_known_id_without_its_token_is_409_and_with_it_200(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1", machine_name="first")
        await rig.register("node-2", url="http://10.0.0.6:8000")
        for token in ("", "nt_wrong", rig.tokens["node-2"]):
            body = {"url": "http://10.0.0.9:1", "node_id": "node-1", "machine_name": "thief"}
            taken = await rig.ask("POST", "/v0/nodes", body, headers={"x-node-token": token})
            assert (taken.status_code, error_of(taken)["code"]) == (409, "node_id_taken")
        assert rig.node().profile.machine_name == "first"
        body = {"url": "http://10.0.0.5:8000", "node_id": "node-1", "machine_name": "renewed"}
        known = await rig.ask("POST", "/v0/nodes", body, headers={"x-node-token": rig.tokens["node-1"]})
        assert known.status_code == 200
        assert known.json()["node_token"] == rig.tokens["node-1"]
        assert rig.node().profile.machine_name == "renewed"

    play(tmp_path, scenario)


def test_a_token_without_a_node_id_means_that_tokens_node(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("gpu-1")
        body = {"url": "http://10.0.0.5:8000"}
        known = await rig.ask("POST", "/v0/nodes", body, headers={"x-node-token": rig.tokens["gpu-1"]})
        assert (known.status_code, known.json()["node_id"]) == (200, "gpu-1")
        fresh = await rig.ask("POST", "/v0/nodes", body, headers={"x-node-token": "nt_nobody"})
        assert (fresh.status_code, fresh.json()["node_id"]) == (201, "node-1")

    play(tmp_path, scenario)


def test_node_without_a_name_gets_the_next_free_number(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-2")
        given = [(await rig.register(None, url=f"http://10.0.1.{n}:80")).json()["node_id"] for n in range(1, 4)]
        assert given == ["node-1", "node-3", "node-4"]

    play(tmp_path, scenario)


def test_registration_answers_what_an_agent_needs_and_is_stored(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        reply = (await rig.register("node-1", heartbeat_secs=15)).json()
        assert reply["node_token"].startswith("nt_")
        assert (reply["state"], reply["heartbeat_secs"], reply["node_timeout_secs"]) == ("pending", 15.0, 60.0)
        (row,) = await rig.services.store.load_nodes()
        assert row.id == "node-1"
        assert reply["node_token"] not in repr(row)

    play(tmp_path, scenario)


def test_moved_node_is_pending_again(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1")
        body = {"url": "http://10.0.0.99:8000", "node_id": "node-1"}
        moved = await rig.ask("POST", "/v0/nodes", body, headers={"x-node-token": rig.tokens["node-1"]})
        assert (moved.status_code, moved.json()["state"]) == (200, "pending")
        (row,) = await rig.services.store.load_nodes()
        assert (row.approval, row.url) == ("pending", "http://10.0.0.99:8000")

    play(tmp_path, scenario)


def test_moved_node_stays_approved_where_the_operator_allows_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1")
        body = {"url": "http://10.0.0.99:8000", "node_id": "node-1"}
        moved = await rig.ask("POST", "/v0/nodes", body, headers={"x-node-token": rig.tokens["node-1"]})
        assert moved.json()["state"] == "online"

    play(tmp_path, scenario, settings=registration(allow_address_change=True))


def test_join_token_is_required_where_demanded_and_counts_its_uses(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        created = await rig.ask("POST", "/v0/join-tokens", {"name": "rack", "max_uses": 1}, token=rig.admin)
        assert created.status_code == 201
        token = created.json()["token"]
        url = {"url": "http://10.0.0.5:8000"}
        for headers in ({}, {"x-join-token": "jt_wrong"}, {"x-join-token": await rig.key("api")}):
            refused = await rig.ask("POST", "/v0/nodes", url, headers=headers)
            assert refused.status_code in (401, 403), refused.text
            error_of(refused)
        assert (await rig.ask("POST", "/v0/nodes", url, headers={"x-join-token": token})).status_code == 201
        spent = await rig.ask("POST", "/v0/nodes", {"url": "http://10.0.0.6:1"}, headers={"x-join-token": token})
        assert spent.status_code in (401, 403)
        listed = (await rig.ask("GET", "/v0/join-tokens", token=rig.admin)).json()["join_tokens"]
        assert [each["uses"] for each in listed] == [1]
        assert token not in json.dumps(listed)

    play(tmp_path, scenario, settings=registration(require_join_token=True))


def test_deleted_join_token_lets_nobody_in(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        created = (await rig.ask("POST", "/v0/join-tokens", token=rig.admin)).json()
        path = f"/v0/join-tokens/{created['id']}"
        assert (await rig.ask("DELETE", path, token=rig.admin)).status_code == 204
        refused = await rig.ask(
            "POST", "/v0/nodes", {"url": "http://10.0.0.5:1"}, headers={"x-join-token": created["token"]}
        )
        assert refused.status_code in (401, 403)

    play(tmp_path, scenario, settings=registration(require_join_token=True))


@pytest.mark.parametrize(("address", "allowed"), [(LAN, 10), ("127.0.0.1", 12)])
def test_one_address_registers_ten_a_minute_but_this_machine_any_number(
    address: str, allowed: int, tmp_path: Path
) -> None:
    async def scenario(rig: Rig) -> None:
        statuses = []
        for number in range(12):
            body = {"url": f"http://10.0.1.{number}:80"}
            answer = await rig.ask("POST", "/v0/nodes", body, address=address)
            statuses.append(answer.status_code)
        assert statuses == [201] * allowed + [429] * (12 - allowed)

    play(tmp_path, scenario)


def test_proxied_registration_never_counts_as_this_machine(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        last = 0
        for number in range(11):
            headers = {"x-forwarded-for": f"127.0.0.{number}"}
            body = {"url": f"http://10.0.1.{number}:80"}
            last = (await rig.ask("POST", "/v0/nodes", body, headers=headers, address="127.0.0.1")).status_code
        assert last == 429

    play(tmp_path, scenario)


def test_engine_without_an_agent_needs_an_admin_and_is_approved_and_asked_at_once(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        body = {"url": "http://10.0.0.5:8000", "node_id": "bare", "agent": False}
        assert (await rig.ask("POST", "/v0/nodes", body)).status_code == 401
        assert (await rig.ask("POST", "/v0/nodes", body, token=rig.viewer)).status_code == 403
        answer = await rig.ask("POST", "/v0/nodes", body, token=rig.admin)
        assert answer.status_code == 201
        assert rig.node("bare").is_approved
        assert rig.calls.probed == ["bare"]

    play(tmp_path, scenario)


def test_known_node_under_another_path_or_key_is_dialled_anew_and_stays_approved(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1")
        for change in ({"url": "http://10.0.0.5:8000/engine"}, {"api_key": "engine-secret"}):
            rig.calls.redialled.clear()
            body = {"url": "http://10.0.0.5:8000/engine", "node_id": "node-1", **change}
            renewed = await rig.ask("POST", "/v0/nodes", body, headers={"x-node-token": rig.tokens["node-1"]})
            assert (renewed.status_code, renewed.json()["state"]) == (200, "online")
            assert rig.calls.redialled == ["node-1"]
        (row,) = await rig.services.store.load_nodes()
        assert (row.url, row.api_key, row.approval) == ("http://10.0.0.5:8000/engine", "engine-secret", "approved")

    play(tmp_path, scenario)
