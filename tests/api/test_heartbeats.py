"""Heartbeats over HTTP: what is refused, in which order, and that nothing of a refused one stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from api.rig import Rig, error_of, play

GPU = "gpu_metrics"
SYSTEM = "system_metrics"

OUT_OF_RANGE: list[tuple[str, str]] = [
    *((f"{GPU}.usage", value) for value in ("-0.1", "100.1", "NaN", "Infinity", '"45"', "true", "[]")),
    *((f"{GPU}.vram_usage", value) for value in ("-1", "101", "NaN", '"x"')),
    *((f"{GPU}.temperature", value) for value in ("-50.1", "150.1", "-Infinity", '"hot"')),
    *((f"{GPU}.vram_used_mb", value) for value in ("-1", "1.5", "9007199254740993", '"1"')),
    *((f"{GPU}.vram_total_mb", value) for value in ("-1", "NaN", "1e400")),
    *((f"{SYSTEM}.cpu_usage", value) for value in ("-1", "100.01", "NaN", "{}")),
    *((f"{SYSTEM}.memory_usage", value) for value in ("-1", "100.01", "NaN", "false")),
    *(("active_requests", value) for value in ("-1", "1.5", "NaN", "1" + "0" * 400, '"2"', "true")),
    *(("capability_score", value) for value in ("-1", "2.5", '"fast"')),
    *(("queue_depth", value) for value in ("-1", "0.5", "[]")),
    *(("kv_cache_usage", value) for value in ("-1", "100.5", "NaN")),
    *(("prefill_tokens_per_second", value) for value in ("-1", "1000001", "NaN", '"fast"')),
    *(("max_concurrency", value) for value in ("-1", "1.5", '"16"')),
    *(("heartbeat_secs", value) for value in ("0", "-30", "61", "NaN", "9.9", '"30"')),
    *(("seq", value) for value in ("-1", "1.5", '"17"')),
    *(("boot_id", value) for value in ("17", '"' + "b" * 129 + '"')),
    *(("leaving", value) for value in ("1", '"yes"')),
    *(("loaded_models", value) for value in ('"m"', "[1]", '["' + "m" * 257 + '"]', "{}")),
    *(("available_models", value) for value in ("[null]", json.dumps(["m"] * 1001))),
    *((GPU, value) for value in ("[]", "45.5")),
    *((SYSTEM, value) for value in ("[]", '"x"')),
]


def _body(field: str, value: str) -> bytes:
    """A heartbeat that is right but for one field, beside others whose values must not be stored either."""
    outer, _, inner = field.partition(".")
    bad = f'"{outer}": {{"usage": 77.0, "{inner}": {value}}}' if inner else f'"{outer}": {value}'
    return f'{{"node_id": "node-1", "available_models": ["new"], "seq": 3, {bad}}}'.encode()


def test_out_of_range_heartbeat_names_the_field_and_stores_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        token, headers = rig.admin, {"x-node-token": rig.tokens["node-1"]}
        before = (await rig.ask("GET", "/v0/nodes/node-1", token=token)).json()
        for field, value in OUT_OF_RANGE:
            case = f"{field}={value[:24]}"
            answer = await rig.ask("POST", "/v0/health", content=_body(field, value), headers=headers)
            error = error_of(answer)
            assert (answer.status_code, error["code"]) == (422, "invalid_value"), (case, answer.text)
            assert error["param"].startswith(field), case
            assert error["param"] in error["message"], case
            assert (await rig.ask("GET", "/v0/nodes/node-1", token=token)).json() == before, case

    play(tmp_path, scenario)


def test_heartbeat_that_is_not_json_is_400(tmp_path: Path) -> None:
    contents = {
        "empty": b"",
        "cut": b"{",
        "trailing": b'{"node_id": "node-1"} x',
        "not UTF-8": b'{"node_id": "\xff\xfe"}',
        "deep array": b"[" * 20_000,
        "deep object": b'{"node_id": "node-1", "x": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
        "lone surrogate": b'{"node_id": "\\ud800"}',
    }

    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        headers = {"x-node-token": rig.tokens["node-1"]}
        for case, content in contents.items():
            answer = await rig.ask("POST", "/v0/health", content=content, headers=headers)
            assert answer.status_code == 400, (case, answer.text)
            error_of(answer)
        assert rig.node().heartbeats == 0

    play(tmp_path, scenario)


def test_heartbeat_without_a_usable_node_id_is_refused_in_words(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for content in (b"[]", b"null", b"3", b'"x"', b"{}", b'{"node_id": 5}', b'{"node_id": "../x"}'):
            answer = await rig.ask("POST", "/v0/health", content=content)
            assert answer.status_code in (404, 422), (content, answer.text)
            error_of(answer)

    play(tmp_path, scenario)


def test_checks_come_in_the_promised_order(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        await rig.register("node-2", url="http://10.0.0.6:8000")
        mine, other = rig.tokens["node-1"], rig.tokens["node-2"]
        wrong = {"active_requests": -1}
        unknown = await rig.beat("ghost", token="", **wrong)
        assert (unknown.status_code, error_of(unknown)["code"]) == (404, "node_not_found")
        for token in ("", "nt_wrong", "garbage"):
            assert (await rig.beat("node-1", token=token, **wrong)).status_code == 401
        await rig.register("node-3", url="http://10.0.0.7:8000")
        await rig.ask("POST", "/v0/nodes/node-3/reject", token=rig.admin)
        rejected = await rig.beat("node-3", token="nt_wrong", **wrong)
        assert (rejected.status_code, error_of(rejected)["code"]) == (403, "node_rejected")
        foreign = await rig.beat("node-1", token=other, **wrong)
        assert (foreign.status_code, error_of(foreign)["param"]) == (403, "x-node-token")
        assert (await rig.beat("node-1", token=other, loaded_models=["evil"])).status_code == 403
        for node_id in ("node-1", "node-2"):
            assert (rig.node(node_id).heartbeats, rig.node(node_id).loaded_models) == (0, ())
        for _ in range(2):
            assert (await rig.beat("node-1", token=mine)).status_code == 200
        assert (await rig.beat("node-1", token=mine, **wrong)).status_code == 422
        assert (await rig.beat("node-1", token="nt_wrong")).status_code == 401
        hasty = await rig.beat("node-1", token=mine)
        assert hasty.status_code == 429
        assert int(hasty.headers["retry-after"]) >= 1
        assert error_of(hasty)["code"] == "too_many_heartbeats"
        assert rig.node().heartbeats == 2

    play(tmp_path, scenario)


@pytest.mark.parametrize("kind", ["api", "admin key", "admin login"])
def test_no_other_credential_stands_in_for_a_node_token(kind: str, tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        token = rig.admin if kind == "admin login" else await rig.key("admin" if kind == "admin key" else "api")
        assert (await rig.beat("node-1", token=token)).status_code == 401
        bearer = await rig.ask("POST", "/v0/health", {"node_id": "node-1"}, token=token)
        assert bearer.status_code == 401

    play(tmp_path, scenario)


def test_rejected_node_hears_so_for_a_day_and_deleted_node_is_unknown(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        await rig.register("node-2", url="http://10.0.0.6:8000")
        assert (await rig.ask("POST", "/v0/nodes/node-1/reject", token=rig.admin)).status_code == 200
        assert (await rig.ask("DELETE", "/v0/nodes/node-2", token=rig.admin)).status_code == 204
        rejected = await rig.beat("node-1")
        assert (rejected.status_code, error_of(rejected)["code"]) == (403, "node_rejected")
        assert (await rig.beat("node-2")).status_code == 404
        again = await rig.register("node-1")
        assert (again.status_code, error_of(again)["code"]) == (403, "node_rejected")
        rig.clock.pass_s(24 * 3600 + 1)
        assert (await rig.beat("node-1")).status_code == 404
        assert (await rig.register("node-1")).status_code == 201

    play(tmp_path, scenario)


def test_body_over_the_limit_is_413_with_and_without_content_length(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        limit = rig.services.settings.limits.heartbeat_body_bytes
        padded = json.dumps({"node_id": "node-1", "x": "x" * limit}).encode()
        headers = {"x-node-token": rig.tokens["node-1"]}
        sized = await rig.ask("POST", "/v0/health", content=padded, headers=headers)
        assert (sized.status_code, error_of(sized)["code"]) == (413, "request_too_large")
        chunked = await rig.ask(
            "POST", "/v0/health", content=padded, headers=headers | {"transfer-encoding": "chunked"}
        )
        assert chunked.status_code == 413
        assert rig.node().heartbeats == 0

    play(tmp_path, scenario)


def test_heartbeat_is_answered_with_what_the_agent_needs(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        answer = await rig.beat("node-1", gpu_metrics=None, unknown_field={"nested": [1]})
        assert answer.json() == {
            "status": "ok",
            "server_time": int(rig.clock.now_unix_s),
            "state": "pending",
            "draining": False,
            "heartbeat_secs": 30.0,
        }

    play(tmp_path, scenario)


def test_older_instance_keeps_the_id_when_two_beat(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        statuses = []
        for boot in ("old", "new", "old", "new"):
            rig.clock.pass_s(5)
            statuses.append((await rig.beat("node-1", boot_id=boot)).status_code)
        assert statuses == [200, 200, 200, 409]

    play(tmp_path, scenario)


def test_alert_about_two_instances_lasts_as_long_as_the_second_keeps_trying(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        def rules_that_fire() -> set[str]:
            rig.judge_alerts()
            return {alert.rule for alert in rig.services.alerts.firing}

        await rig.register("node-1")
        for boot in ("old", "new", "old"):
            rig.clock.pass_s(5)
            await rig.beat("node-1", boot_id=boot)
        assert "duplicate_instance" in rules_that_fire()
        for _ in range(30):
            rig.clock.pass_s(30)
            assert (await rig.beat("node-1", boot_id="old")).status_code == 200
            assert (await rig.beat("node-1", boot_id="new")).status_code == 409
        assert "duplicate_instance" in rules_that_fire()
        for _ in range(30):
            rig.clock.pass_s(30)
            assert (await rig.beat("node-1", boot_id="old")).status_code == 200
        assert "duplicate_instance" not in rules_that_fire()

    play(tmp_path, scenario)


def test_limit_that_a_node_told_ends_when_it_says_so_and_the_operators_stays(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        node = await rig.online(max_concurrency=4)
        rig.clock.now_s += 10
        assert (await rig.beat()).status_code == 200
        assert node.max_concurrency == 4
        await rig.ask("PATCH", "/v0/nodes/node-1", {"max_concurrency": 2}, token=rig.admin)
        rig.clock.now_s += 10
        assert (await rig.beat(max_concurrency=None)).status_code == 200
        assert node.max_concurrency == 2
        await rig.ask("PATCH", "/v0/nodes/node-1", {"max_concurrency": None}, token=rig.admin)
        assert node.max_concurrency is None

    play(tmp_path, scenario)
