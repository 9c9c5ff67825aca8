"""llmlb agent: the flags; what they do is the agent's"""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.command_line import Run

from llmlb.agent.run import AgentRun


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[AgentRun]:
    """What the agent was asked to do, instead of doing it."""
    asked: list[AgentRun] = []

    async def run(settings: AgentRun) -> int:
        asked.append(settings)
        return 0

    monkeypatch.setattr("llmlb.agent.agent.run_until_signalled", run)
    return asked


def test_without_flags_the_defaults_hold(started: list[AgentRun], run: Run) -> None:
    assert run("agent").code == 0
    assert started == [AgentRun()]


def test_every_flag_reaches_the_agent(started: list[AgentRun], run: Run) -> None:
    line = (
        "--router-url http://r:1 --engine-url http://e:2 --node-id n --heartbeat 1 --dev --join-token jt_x "
        "--advertise-url http://a:3 --use-engine-slots --state-dir s --machine-name m --capability-score 5 --gpus 0,1"
    )
    run("agent", *line.split())
    assert started == [
        AgentRun(
            router_url="http://r:1",
            engine_url="http://e:2",
            advertise_url="http://a:3",
            node_id="n",
            machine_name="m",
            join_token="jt_x",
            heartbeat_s=1.0,
            use_engine_slots=True,
            capability_score=5,
            gpus=(0, 1),
            state_dir=Path("s"),
        )
    ]


def test_the_variables_count_where_no_flag_does(
    started: list[AgentRun], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMLB_URL", "http://v:1")
    monkeypatch.setenv("XLLM_HEARTBEAT_SECS", "20")
    monkeypatch.setenv("XLLM_TOKEN", "nt_x")
    run("agent")
    run("agent", "--router-url", "http://f:1")
    assert [(each.router_url, each.heartbeat_s, each.node_token) for each in started] == [
        ("http://v:1", 20.0, "nt_x"),
        ("http://f:1", 20.0, "nt_x"),
    ]


@pytest.mark.parametrize("words", ["--heartbeat 3", "--heartbeat x", "--gpus a", "--log-level inf", "--log-format xml"])
def test_a_flag_that_cannot_be_used_is_2(words: str, started: list[AgentRun], run: Run) -> None:
    assert run("agent", *words.split()).code == 2
    assert started == []
