"""Bodies nobody should send: each is refused in words, and nothing breaks."""

from __future__ import annotations

from pathlib import Path

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


def test_malformed_json_is_400_and_no_object_is_422_on_every_path_that_reads_a_body(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.register("node-1")
        token = rig.admin
        for method, path in PATHS:
            for case, content in NOT_JSON.items():
                answer = await rig.ask(method, path, content=content, token=token)
                assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid_json"), (path, case)
            for content in (b"[]", b"null", b"7", b'"x"'):
                answer = await rig.ask(method, path, content=content, token=token)
                assert answer.status_code == 422, (path, content, answer.text)
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


def test_unknown_paths_and_methods_answer_in_the_error_shape(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for path in ("/v1/nothing", "/v0/nothing", "/nothing", "/v1/rerank", "/v1/audio/speech", "/v1/images/edits"):
            answer = await rig.ask("POST", path, {})
            assert answer.status_code == 404, path
            error_of(answer)
        wrong = await rig.ask("DELETE", "/v0/settings/load-balancer", token=rig.admin)
        assert (wrong.status_code, error_of(wrong)["code"]) == (405, "method_not_allowed")
        assert wrong.headers["allow"] == "GET, PUT"

    play(tmp_path, scenario)


def test_every_control_answer_forbids_caching_and_guessing_and_has_an_id_of_its_own(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        ids = set()
        for path in ("/v0/nodes", "/health/live", "/nothing"):
            headers = (await rig.ask("GET", path)).headers
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
            ids.add(headers["x-llmlb-request-id"])
        assert len(ids) == 3

    play(tmp_path, scenario)
