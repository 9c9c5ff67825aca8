"""Exit codes, errors, and the only writer of stderr."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, FakeRouter, node, refusal

import llmlb_cli
from llmlb.loadtest.result import EXIT_DISHONEST
from llmlb_cli.exits import MEANINGS, SUMMARY, ExitCode, Failure, report, wants_json

SOURCE = Path(llmlb_cli.__file__).parent


def test_the_numbers_never_change() -> None:
    assert {int(code) for code in ExitCode} == {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130, 143}
    assert set(MEANINGS) == set(ExitCode)


def test_the_summary_in_the_help_tells_the_same_numbers() -> None:
    told = {int(number) for number in re.findall(r"\b(\d+) [a-zA-Z]", SUMMARY)}
    assert told == {int(code) for code in ExitCode}


def test_0_for_an_empty_list(router: FakeRouter, run: Run) -> None:
    assert run("nodes", "list").code == 0


def test_1_for_a_failure_of_the_router(router: FakeRouter, run: Run) -> None:
    router.answers["GET", "/v0/nodes"] = refusal(500, "internal", "The router failed.")._replace(
        headers=(("x-llmlb-request-id", "req-7"),)
    )
    ran = run("nodes", "list")
    assert ran.code == 1
    assert "req-7" in ran.err


def test_2_for_a_wrong_command_line(run: Run) -> None:
    assert run("nodes", "list", "--bogus").code == 2


def test_3_for_a_router_that_is_away(run: Run) -> None:
    ran = run("nodes", "list", "--url", "http://127.0.0.1:1")
    assert ran.code == 3
    assert "connection refused" in ran.err


def test_4_without_a_login(router: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLMLB_TOKEN")
    ran = run("nodes", "list")
    assert ran.code == 4
    assert "llmlb login" in ran.err


def test_5_for_a_viewer_who_wants_to_change_something(router: FakeRouter, run: Run) -> None:
    router.answers["POST", "/v0/nodes/node-1/approve"] = refusal(403, "forbidden", "Only an admin may approve.")
    assert run("nodes", "approve", "node-1").code == 5


def test_6_for_a_node_that_does_not_exist(router: FakeRouter, run: Run) -> None:
    router.add(node("gpu-e-0741"), node("gpu-e-0742"))
    ran = run("nodes", "get", "gpu-e-741")
    assert ran.code == 6
    assert "did you mean gpu-e-0741, gpu-e-0742 ?" in ran.err


def test_7_for_a_node_that_changed_meanwhile(router: FakeRouter, run: Run) -> None:
    router.answers["POST", "/v0/nodes/node-1/approve"] = refusal(409, "revision_mismatch")
    assert run("nodes", "approve", "node-1").code == 7


def test_8_for_a_wait_that_took_too_long(router: FakeRouter, run: Run) -> None:
    router.answers["GET", "/health/ready"] = Answer(503, {"status": "starting"})
    assert run("status", "--wait-ready", "--wait-timeout", "0").code == 8


def test_9_when_some_of_several_failed(router: FakeRouter, run: Run) -> None:
    router.add(node("a", state="pending"))
    assert run("nodes", "approve", "a", "b", "--yes").code == 9


def test_10_for_a_router_that_is_not_well(router: FakeRouter, run: Run) -> None:
    router.answers["GET", "/v0/status"] = Answer(200, {"status": "draining", "nodes": {}})
    assert run("status").code == 10


def test_11_for_a_load_test_that_was_too_slow_itself(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def perform(job: object, screen: object) -> int:
        return EXIT_DISHONEST

    monkeypatch.setattr("llmlb.loadtest.command.perform", perform)
    assert run("loadtest", "--url", "http://127.0.0.1:1", "-m", "m", "--no-tui", "--api-key", "sk-x").code == 11


def test_143_for_sigterm(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def terminate(*_: object, **__: object) -> object:
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("the signal ends the command")

    monkeypatch.setattr("llmlb.client.simple.call", terminate)
    try:
        assert run("nodes", "list").code == 143
    finally:
        signal.signal(signal.SIGTERM, before)


def test_130_for_ctrl_c(router: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("llmlb.client.simple.call", interrupt)
    ran = run("nodes", "list")
    assert (ran.code, ran.err) == (130, "interrupted\n")


def test_an_error_names_cause_router_next_step_and_code(run: Run) -> None:
    ran = run("nodes", "list", "--url", "http://127.0.0.1:1")
    assert ran.out == ""
    assert ran.err == (
        "error: cannot reach the router at http://127.0.0.1:1 (connection refused)\n"
        "  context: http://127.0.0.1:1 (from --url)\n"
        "  hint:    is it running there?  llmlb serve   |   another address: --url URL or LLMLB_URL\n"
        "  code:    3 unreachable\n"
    )


def test_with_json_an_error_is_one_object_on_stderr(run: Run) -> None:
    ran = run("nodes", "list", "--url", "http://127.0.0.1:1", "-o", "json")
    assert ran.out == ""
    error = json.loads(ran.err)["error"]
    assert (error["code"], error["exit_code"], error["request_id"]) == ("unreachable", 3, None)
    assert error["hint"]


@pytest.mark.parametrize(
    ("line", "is_json"),
    [
        ("nodes list -o json", True),
        ("nodes list --output=jsonl", True),
        ("-ojson nodes list", True),
        ("nodes list -o table", False),
        ("nodes list -o json -o csv", False),
        ("nodes get -- -o json", False),
        ("nodes list -o", False),
    ],
)
def test_json_errors_are_known_before_the_line_is_parsed(line: str, is_json: bool) -> None:
    assert wants_json(line.split()) is is_json


def test_the_variable_asks_for_json_errors_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMLB_OUTPUT", "json")
    assert json.loads(run("nodes", "lst").err)["error"]["code"] == "usage"


def test_an_error_text_from_elsewhere_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    report(Failure("bad\x1b[2J\nsecond\x07", hint="do\x9b this", details=["more\u202e"]), as_json=False)
    err = capsys.readouterr().err
    assert err == "error: bad[2J\n  second\n  more\n  hint:    do this\n  code:    1 failure\n"


def test_only_one_module_touches_each_stream() -> None:
    writers: dict[str, set[str]] = {"sys.stdout": set(), "sys.stderr": set(), "print(": set(), "typer.echo": set()}
    for file in SOURCE.rglob("*.py"):
        for name, files in writers.items():
            if re.search(rf"(?<![\w.]){re.escape(name)}", file.read_text(encoding="utf-8")):
                files.add(file.name)
    assert writers.pop("sys.stdout") == {"output.py"}
    # loadtest only asks whether stderr is a terminal.
    assert writers.pop("sys.stderr") == {"exits.py", "loadtest.py"}
    assert writers == {"print(": set(), "typer.echo": set()}
