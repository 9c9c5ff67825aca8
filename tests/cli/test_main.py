"""The entry points."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.command_line import Run
from cli.fake_router import FakeRouter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmlb import __version__
from llmlb_cli import main as entry
from llmlb_cli.tree import COMMANDS, Noun

LLMLB = [sys.executable, "-m", "llmlb_cli"]


def test_the_package_runs_as_a_program() -> None:
    ran = subprocess.run([*LLMLB, "--version"], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"llmlb {__version__}\n", "")


def test_without_words_the_front_page_is_shown(run: Run) -> None:
    assert run() == run("--help")
    assert run().out.startswith("Usage: llmlb COMMAND")


def test_collection_is_off_only_until_a_command_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["llmlb", "--version"])
    entry.run()
    assert not gc.isenabled()
    monkeypatch.setattr("sys.argv", ["llmlb", "version"])
    entry.run()
    assert gc.isenabled()


def test_xllm_is_the_agent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["xllm", "--help"])
    assert entry.run_agent() == 0
    gc.enable()
    assert capsys.readouterr().out.startswith("Usage: llmlb agent")


def test_llmlb_takes_the_words_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["llmlb", "version"])
    assert entry.run() == 0
    assert capsys.readouterr().out == f"llmlb {__version__}\n"


def test_143_for_sigterm_while_a_command_waits(router: FakeRouter, home: Path) -> None:
    environ = {**os.environ, "LLMLB_URL": "http://127.0.0.1:1"}
    command = [*LLMLB, "status", "--wait-ready", "-v"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environ) as child:
        assert child.stderr is not None
        child.stderr.readline()
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 143


def test_130_for_ctrl_c_while_a_command_waits(router: FakeRouter) -> None:
    environ = {**os.environ, "LLMLB_URL": "http://127.0.0.1:1"}
    command = [*LLMLB, "status", "--wait-ready", "-v"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environ) as child:
        assert child.stderr is not None
        child.stderr.readline()
        child.send_signal(signal.SIGINT)
        rest = child.stderr.read()
        assert child.wait(20) == 130
    assert b"Traceback" not in rest


_WORDS = st.sampled_from(
    [
        *COMMANDS,
        *(verb for noun in COMMANDS.values() if isinstance(noun, Noun) for verb in noun.verbs),
        *(
            [
                "-o",
                "json",
                "--fields",
                "id,zzz",
                "--sort-by",
                "-q",
                "--yes",
                "--confirm=1",
                "--limit",
                "5",
                "--",
                "-f",
                "/nonexistent",
                "--url",
                "--timeout",
                "1",
            ]
        ),
        *("gpu=90 gpu=x =", "\x1b[2J", "", "ノ", "-", "--", "\udcff"),
    ]
)
_HARMLESS = {"serve", "agent", "demo", "sim", "loadtest"}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(_WORDS, max_size=6).filter(lambda words: not _HARMLESS & set(words)))
def test_no_line_whatever_shows_a_traceback_or_an_unknown_code(words: list[str], router: FakeRouter, run: Run) -> None:
    ran = run(*words)
    assert ran.code in {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
    assert "Traceback" not in ran.out + ran.err
    assert "should not have happened" not in ran.err
    assert "\x1b" not in ran.out + ran.err
    if ran.code not in (0, 9, 10):
        assert ran.err
