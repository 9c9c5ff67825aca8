"""The load test's screen: what it starts, shows, saves, and what becomes of it when another router is looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from loadtest.examples import result
from tui.driving import Console, drive, make_desk

from llmlb.client.contexts import Context, Contexts, save_contexts
from llmlb.loadtest import saved
from llmlb.loadtest.compare import compare
from llmlb.loadtest.report.document import json_report
from llmlb.loadtest.stream import comparison_line, result_line
from llmlb_tui.desk import Desk, Identity
from llmlb_tui.loadtesting import environment
from llmlb_tui.model.loadtest import LoadTest, Stage, Wanted
from llmlb_tui.shell import MakeClient

GATES = ("errors>0", "p50_ttft>1s")


def finished(**wanted: str) -> LoadTest:
    """A test whose process told its result, compared with itself."""
    test = LoadTest(wanted=Wanted(**wanted), router="prod-eu")
    line = result_line(result(gates=GATES))
    ours = saved.run_of("before", line)
    for told in ({"type": "start", "gates": [*GATES]}, line, comparison_line(compare(ours, ours))):
        test.apply(json.loads(json.dumps(told)))
    test.ended(10)
    return test


def test_a_saved_result_is_one_that_the_command_line_compares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMLB_STATE_DIR", str(tmp_path / "state"))

    async def script(console: Console) -> None:
        console.app.load_test = test = finished()
        await console.press("L", "w")
        assert f"llmlb loadtest compare top-{test.run_id}" in console.text()
        run = saved.load(f"top-{test.run_id}")
        assert (run.scheduled, run.failed) == (60, 2)
        assert saved.path_of(run.name).read_text() == json_report(result(gates=GATES))

    drive(script)


def test_gates_and_the_comparison_are_shown_under_the_figures() -> None:
    async def script(console: Console) -> None:
        console.app.load_test = test = LoadTest(stage=Stage.RUNNING)
        test.apply({"type": "start", "gates": ["errors>0"]})
        await console.press("L")
        assert "? gate errors>0  not judged yet" in console.text()
        rows = [
            {"gate": "errors>0", "passed": False, "measured": 2, "unit": "number", "note": "measured 2"},
            {"gate": "p50_ttft>1s", "passed": True, "measured": 0.12, "unit": "s", "note": ""},
            {"gate": "p99_e2e>1s", "passed": False, "measured": "inf", "unit": "s", "note": "measured inf"},
            {"gate": "p99_ttft>1s", "passed": False, "measured": None, "unit": "s", "note": "too few requests"},
        ]
        test.apply({"type": "gates", "gates": rows})
        await console.settle()
        text = console.text()
        assert "✕ gate errors>0  measured 2  so far" in text
        assert "✓ gate p50_ttft>1s  120ms  so far" in text
        assert "✕ gate p99_e2e>1s  measured inf  so far" in text
        assert "? gate p99_ttft>1s  too few requests" in text
        console.app.load_test = finished()
        await console.settle()
        text = console.text()
        assert "✕ gate errors>0  measured 2" in text
        assert "✓ gate p50_ttft>1s  120ms" in text
        assert "so far" not in text
        assert "COMPARED WITH before" in text
        assert "p50 ttft" in text
        assert "no difference" in text

    drive(script, size=(120, 50))


def test_a_page_longer_than_the_terminal_is_scrolled_to_its_end() -> None:
    async def script(console: Console) -> None:
        console.app.load_test = finished()
        await console.press("L")
        assert "w saves the result" not in console.text()
        await console.press("G")
        assert "w saves the result" in console.text()

    drive(script, size=(80, 24))


def test_gates_and_a_baseline_are_entered_and_passed_on() -> None:
    async def script(console: Console) -> None:
        await console.press("L", "e", *["tab"] * 7, *"errors", "greater_than_sign", "0", "tab", *"before", "enter")
        wanted = console.app.load_test.wanted
        assert wanted.arguments()[-2:] == ["--fail-if=errors>0", "--baseline=before"]
        assert "'--fail-if=errors>0' --baseline=before" in console.text()

    drive(script)


def test_a_certificate_in_the_environment_is_the_first_routers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMLB_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("LLMLB_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LLMLB_CA_FILE", "home.pem")
    urls = {"home": "http://router.test:8080", "staging": "http://staging.test:8080"}
    contexts = Contexts("home", {name: Context(name, url) for name, url in urls.items()})
    save_contexts(tmp_path / "contexts.toml", contexts)
    looked_with: list[str] = []

    async def look(desk: Desk, make_client: MakeClient, *, ca_file: str) -> None:
        looked_with.append(ca_file)

    async def script(console: Console) -> None:
        monkeypatch.setattr(console.app, "look_elsewhere", look)
        console.app.switch_context("staging")
        console.app.switch_context("home")
        await console.settle()
        assert looked_with == ["", "home.pem"]

    drive(script)


async def look_at_staging(console: Console) -> None:
    identity = Identity("http://staging.test:8080", context="staging")
    desk = Desk(identity, state=make_desk().state)
    await console.app.look_elsewhere(desk, console.router.client, ca_file="/etc/staging.pem")
    await console.settle()


def test_a_test_that_runs_keeps_the_name_of_its_own_router() -> None:
    async def script(console: Console) -> None:
        console.app.load_test = test = LoadTest(router="prod-eu", stage=Stage.RUNNING, load="long " * 20)
        await look_at_staging(console)
        await console.press("L")
        assert console.app.load_test is test
        assert "prod-eu" in console.text()

    drive(script, size=(80, 24))


def test_nothing_of_one_router_is_left_for_the_tests_of_another() -> None:
    async def script(console: Console) -> None:
        console.app.load_test = finished(model="only-there")
        assert console.app.is_home
        await look_at_staging(console)
        assert console.app.load_test.stage is Stage.NONE
        assert console.app.load_test.wanted == Wanted()
        assert console.app.ca_file == "/etc/staging.pem"
        assert not console.app.is_home

    drive(script)


def test_the_process_gets_no_credential_of_another_router() -> None:
    base = {
        "PATH": "/bin",
        "LLMLB_API_KEY": "key",
        "LLMLB_TOKEN": "old",
        "LLMLB_CA_FILE": "old.pem",
        "LLMLB_CONTEXT": "c",
    }
    assert environment(base, token="t", ca_file="", is_home=True) == {
        "PATH": "/bin",
        "LLMLB_API_KEY": "key",
        "LLMLB_TOKEN": "t",
    }
    assert environment(base, token=None, ca_file="", is_home=False) == {"PATH": "/bin"}
