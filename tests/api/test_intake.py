"""What holds for every request, whatever its route."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from api.rig import Rig, error_of, play
from starlette.types import Receive, Scope, Send

from llmlb.api.intake import REQUEST_ID, Intake


def test_bug_of_ours_is_a_500_with_an_id_that_the_log_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("llmlb.api.routes.health.node_counts", fail)

    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("GET", "/health/ready")
        error = error_of(answer)
        assert (answer.status_code, error["code"], error["type"]) == (500, "internal_error", "server_error")
        assert answer.headers[REQUEST_ID] in error["message"]
        assert "secret detail" not in answer.text
        (line,) = [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
        assert vars(line)["request_id"] == answer.headers[REQUEST_ID]
        assert line.exc_info is not None

    play(tmp_path, scenario)


def test_inference_passes_untouched(tmp_path: Path) -> None:
    seen: list[Scope] = []

    async def data_plane(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await send({"type": "http.response.start", "status": 418, "headers": [(b"x-node", b"1")]})
        await send({"type": "http.response.body", "body": b"engine"})

    async def scenario(rig: Rig) -> None:
        big = b"x" * (2 * 1024 * 1024)
        answer = await rig.ask("POST", "/v1/chat/completions", content=big, headers={"content-encoding": "gzip"})
        assert (answer.status_code, answer.content) == (418, b"engine")
        assert dict(answer.headers) == {"x-node": "1"}
        assert len(seen) == 1
        assert (await rig.ask("GET", "/v1/chat/completions")).status_code == 405

    play(tmp_path, scenario, data_plane=data_plane)


def test_answer_that_breaks_in_the_middle_is_not_continued_with_an_error() -> None:
    sent: list[Any] = []

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    intake = Intake(broken, body_limit_bytes=10, raw_paths=frozenset())
    scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}
    with pytest.raises(ZeroDivisionError):
        asyncio.run(intake(scope, receive, send))
    assert len(sent) == 1


def test_client_that_hangs_up_while_sending_is_not_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(rig: Rig) -> None:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        for path in ("/v0/nodes", "/v0/health"):
            scope = {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.3"},
                "method": "POST",
                "path": path,
                "query_string": b"",
                "headers": [],
                "client": ("10.0.0.1", 1),
            }
            await rig.app(scope, receive, send)
        assert sent == []
        assert not [entry for entry in caplog.records if entry.levelno >= logging.WARNING]

    play(tmp_path, scenario)
