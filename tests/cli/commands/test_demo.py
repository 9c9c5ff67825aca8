"""llmlb demo: the flags; the story is the demo's"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cli.command_line import Run

from llmlb.demo.model import EngineKind
from llmlb.demo.story import DemoOptions
from llmlb.errors import DemoFailed


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[DemoOptions]:
    """What the demo was asked to do, instead of doing it."""
    asked: list[DemoOptions] = []

    def run(options: DemoOptions, say: Callable[[str], None]) -> int:
        asked.append(options)
        say("Success: 30/30")
        return 0

    monkeypatch.setattr("llmlb.demo.story.run", run)
    return asked


def test_without_a_terminal_the_story_is_told_and_ends(told: list[DemoOptions], run: Run) -> None:
    assert run("demo") == (0, "Success: 30/30\n", "")
    assert told == [DemoOptions()]


def test_flags_reach_the_demo(told: list[DemoOptions], run: Run) -> None:
    run("demo", "--engine", "sim", "--chats", "6")
    assert told == [DemoOptions(EngineKind.SIM, 6)]


@pytest.mark.parametrize("words", ["--engine vllm", "--chats 0", "--chats x"])
def test_a_flag_that_cannot_be_used_is_2(words: str, told: list[DemoOptions], run: Run) -> None:
    assert run("demo", *words.split()).code == 2
    assert told == []


def test_a_demo_that_failed_names_the_cause_and_the_way_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: DemoOptions, say: Callable[[str], None]) -> int:
        raise DemoFailed("The engine did not start.")

    monkeypatch.setattr("llmlb.demo.story.run", fail)
    ran = run("demo")
    assert ran.code == 1
    assert ran.err.startswith("error: The engine did not start.\n  hint:    llmlb demo --engine sim")
