"""Bodies nobody should send: each is refused in words, and nothing breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from api.rig import Rig, error_of, play

PATHS = [
    ("POST", "/v0/nodes"),
    ("POST", "/v0/auth/login"),
    ("POST", "/v0/api-keys"),
    ("POST", "/v0/users"),
    ("POST", "/v0/join-tokens"),
    ("PUT", "/v0/settings/load-balancer"),
    ("PATCH", "/v0/nodes/node-1"),
]

NOT_JSON = {
    "cut": b'{"url": ',
    "words": b"hello",
    "trailing": b"{} {}",
    "not UTF-8": b'{"url": "\xff"}',
    "deep": b'{"x": ' + b"[" * 50_000,
    "deep and closed": b'{"x": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "NaN": b'{"x": NaN}',
    "Infinity": b'{"x": -Infinity}',
    "lone surrogate": b'{"x": "\\udfff"}',
}


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in NOT_JSON.items()])
def test_malformed_json_is_400_on_every_path_that_reads_a_body(content: bytes, tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        for method, path in PATHS:
            answer = await rig.ask(method, path, content=content, token=rig.admin)
            assert answer.status_code == 400, (path, answer.text)
            assert error_of(answer)["code"] == "invalid_json"

    play(tmp_path, scenario)


@pytest.mark.parametrize("content", [b"[]", b"null", b"7", b'"x"'])
def test_json_that_is_no_object_is_422(content: bytes, tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        for method, path in PATHS:
            answer = await rig.ask(method, path, content=content, token=rig.admin)
            assert answer.status_code == 422, (path, answer.text)
            assert "must be a JSON object" in error_of(answer)["message"]

    play(tmp_path, scenario)


def test_huge_integer_is_refused_and_not_a_failure(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for digits in (20, 400, 5_000, 100_000):
            content = b'{"active_request_threshold": ' + b"9" * digits + b"}"
            answer = await rig.ask("PUT", "/v0/settings/load-balancer", content=content, token=rig.admin)
            assert answer.status_code in (400, 422), answer.text
            error_of(answer)

    play(tmp_path, scenario)


def test_body_over_a_mebibyte_is_413_with_and_without_content_length(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        content = b'{"url": "' + b"x" * (1 << 20) + b'"}'
        for headers in ({}, {"transfer-encoding": "chunked"}):
            answer = await rig.ask("POST", "/v0/nodes", content=content, headers=headers)
            assert (answer.status_code, error_of(answer)["code"]) == (413, "request_too_large")

    play(tmp_path, scenario)


def test_compressed_body_is_415(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for path in ("/v0/nodes", "/v0/health"):
            answer = await rig.ask("POST", path, content=b"\x1f\x8b", headers={"content-encoding": "gzip"})
            assert answer.status_code == 415
            error_of(answer)

    play(tmp_path, scenario)


def test_missing_body_is_said_so(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("POST", "/v0/nodes")
        assert (answer.status_code, error_of(answer)["code"]) == (400, "missing_body")

    play(tmp_path, scenario)


def test_misspelt_field_of_an_operator_gets_a_suggestion(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("PUT", "/v0/settings/load-balancer", {"gpu_treshold": 70}, token=rig.admin)
        assert answer.status_code == 422
        error = error_of(answer)
        assert error["param"] == "gpu_treshold"
        assert "did you mean gpu_threshold" in error["message"]

    play(tmp_path, scenario)


def test_query_out_of_range_names_the_parameter(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for query, param in (("limit=0", "limit"), ("limit=x", "limit"), ("before=nan", "before")):
            answer = await rig.ask("GET", f"/v0/requests?{query}", token=rig.admin)
            assert (answer.status_code, error_of(answer)["param"]) == (422, param)
        state = await rig.ask("GET", "/v0/nodes?state=asleep", token=rig.admin)
        assert (state.status_code, error_of(state)["param"]) == (422, "state")
        assert (await rig.ask("GET", "/v0/explain", token=rig.admin)).status_code == 422

    play(tmp_path, scenario)


def test_unknown_paths_and_methods_answer_in_the_error_shape(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for path in ("/v1/nothing", "/v0/nothing", "/nothing", "/v1/rerank", "/v1/audio/speech", "/v1/images/edits"):
            answer = await rig.ask("POST", path, {})
            assert answer.status_code == 404, path
            error_of(answer)
        wrong = await rig.ask("DELETE", "/v0/settings/load-balancer", token=rig.admin)
        assert (wrong.status_code, error_of(wrong)["code"]) == (405, "method_not_allowed")
        assert wrong.headers["allow"]

    play(tmp_path, scenario)


def test_unknown_model_is_404_and_known_one_is_found_by_any_spelling(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1", loaded_models=["org/llama:latest"])
        key, narrow = await rig.key("api"), await rig.key("api", models=("other",))
        missing = await rig.ask("GET", "/v1/models/x", token=key)
        assert (missing.status_code, error_of(missing)["code"]) == (404, "model_not_found")
        for name in ("org/llama", "org/llama:latest"):
            assert (await rig.ask("GET", f"/v1/models/{name}", token=key)).status_code == 200
        assert (await rig.ask("GET", "/v1/models/org/llama", token=narrow)).status_code == 404
        assert (await rig.ask("GET", "/v1/models", token=narrow)).json()["data"] == []

    play(tmp_path, scenario)


def test_every_control_answer_forbids_caching_and_guessing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for path in ("/v0/nodes", "/health/live", "/nothing"):
            headers = (await rig.ask("GET", path)).headers
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-llmlb-request-id"]

    play(tmp_path, scenario)
