"""The command itself: ``llmlb loadtest`` as it is typed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadtest.scripted import Chat, Server

from llmlb_cli.main import main

pytestmark = pytest.mark.usefixtures("busy_machine")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A scripted server in a thread; the command runs its own loop in this one."""
    import asyncio

    for name in ("DATA", "CONFIG", "STATE"):
        monkeypatch.setenv(f"LLMLB_{name}_DIR", str(tmp_path / name))
    for name in ("TOKEN", "API_KEY", "URL", "OUTPUT", "CONTEXT"):
        monkeypatch.delenv(f"LLMLB_{name}", raising=False)
    found = Server(lambda request: Chat())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(found.start(), loop).result(10)
    monkeypatch.setenv("LLMLB_URL", found.url)
    yield found
    asyncio.run_coroutine_threadsafe(found.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_the_plain_command_is_thirty_requests(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["loadtest"]) == 0
    assert capsys.readouterr().out.startswith("Success: 30/30")
    assert len(server.chats) == 30


def test_url_key_and_headers_reach_the_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMLB_URL", "http://127.0.0.1:9")
    line = [
        "loadtest",
        "-n",
        "1",
        "--url",
        server.url + "/v1",
        "--api-key",
        "sk-a",
        "-H",
        "X-A: b",
        "-m",
        "other",
        "-q",
    ]
    assert main(line) == 0
    (chat,) = server.chats
    assert (chat.path, chat.headers["authorization"], chat.headers["x-a"]) == (
        "/v1/chat/completions",
        "Bearer sk-a",
        "b",
    )
    assert chat.body["model"] == "other"
    monkeypatch.setenv("LLMLB_API_KEY", "sk-b")
    assert main(["--url", server.url, "loadtest", "-n", "1", "-q"]) == 0
    assert server.chats[-1].headers["authorization"] == "Bearer sk-b"


def test_a_preset_output_format_counts_where_it_exists_here(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLMLB_OUTPUT", "json")
    assert main(["loadtest", "-n", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "LoadTest"
    monkeypatch.setenv("LLMLB_OUTPUT", "yaml")
    assert main(["loadtest", "-n", "1"]) == 0
    assert capsys.readouterr().out.startswith("Success: 1/1")


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (["-n", "0"], 2, "-n 0 must be 1"),
        (["-o", "yaml"], 2, "the formats are"),
        (["--fail-if", "nonsense"], 2, "is no condition"),
        (["report"], 2, "loadtest compare A B"),
        (["compare", "a"], 2, "loadtest compare A B"),
        (["compare", "a", "b"], 2, "save one with --save"),
        (["--baseline", "never"], 2, "save one with --save"),
        (["--url", "ftp://x"], 2, "URL"),
        (["--url", "http://127.0.0.1:9"], 3, "cannot reach"),
        (["-n", "1", "--fail-if", "errors>=0"], 10, ""),
        (["-n", "1", "--fail-if", "p50_tttf>1s"], 10, "did you mean"),
        (["-n", "1", "--vs", "direct"], 1, "admin's credential"),
        (["--tenants", "a,b", "--tenant-key", "a=sk-1"], 2, "the same tenants"),
        (["--tenants", "a,b", "--policy", "metrics"], 2, "leave one out"),
        (["--tenants", "a,b", "--api-key", "sk-x"], 1, "--tenant-key NAME=KEY"),
    ],
)
def test_what_goes_wrong_has_its_exit_code_and_its_next_step(
    server: Server, capsys: pytest.CaptureFixture[str], line: list[str], code: int, told: str
) -> None:
    assert main(["loadtest", *line]) == code
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


def test_a_refused_key_is_not_logged_in(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.replies["GET /v1/models"] = (401, {"error": {"message": "wrong key", "code": "invalid_api_key"}})
    assert main(["loadtest", "-n", "1", "--api-key", "sk-x"]) == 4
    error = capsys.readouterr().err
    assert "wrong key" in error
    assert "sk-x" not in error


def test_a_baseline_kept_by_name_is_compared_by_name(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["loadtest", "-n", "60", "-c", "4", "--save", "base"]) == 0
    assert main(["loadtest", "-n", "60", "-c", "4", "--save", "next", "-q"]) == 0
    capsys.readouterr()
    assert main(["loadtest", "compare", "base", "next"]) == 0
    assert capsys.readouterr().out.startswith("base → next\n  p50 TTFT")
    assert main(["loadtest", "compare", "base", "next", "-o", "md"]) == 0
    assert capsys.readouterr().out.startswith("|  | base | next |")


def test_help_shows_examples_and_stays_within_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["loadtest", "--help"]) == 0
    page = capsys.readouterr().out
    assert "llmlb loadtest -n 30" in page
    assert max(len(line) for line in page.splitlines() if not line.startswith("  llmlb")) <= 80
