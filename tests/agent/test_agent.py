"""Starting and ending: settings that cannot work stop at once, signals end with a goodbye."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from agent.engine_server import EngineServer, serving
from agent.engines import recorded
from agent.fake_world import ROUTER_URL, World

from llmlb.agent.agent import AgentRun, run_agent, run_until_signalled
from llmlb.errors import ConfigurationError


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"router_url": "localhost:8080"}, "not a router URL"),
        ({"engine_url": "localhost:11434"}, "not an engine URL"),
        ({"engine_url": ROUTER_URL}, "router's own address"),
        ({"node_id": "gpu 1"}, "try gpu-1"),
        ({"router_url": "https://r.test", "ca_file": "/nowhere.pem"}, "CA file"),
    ],
)
def test_settings_that_no_retry_can_mend_stop_at_once(settings: dict[str, str], words: str) -> None:
    run = AgentRun(**({"router_url": ROUTER_URL} | settings))  # type: ignore[arg-type]  # texts, each for its field
    with pytest.raises(ConfigurationError, match=words):
        asyncio.run(run_agent(run, stop=asyncio.Event()))


def test_a_stop_before_the_start_ends_at_once(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    assert world.run(0) == 0
    assert world.ends_at_s == 0


def test_secrets_stay_out_of_logs() -> None:
    run = AgentRun(node_token="nt_x", join_token="jt_x", engine_api_key="sk-x")
    assert not {"nt_x", "jt_x", "sk-x"} & set(repr(run).replace("'", " ").split())


@pytest.mark.system
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_agent_with_zero_and_closes_every_socket(kind: signal.Signals, tmp_path: Path) -> None:
    """Over real sockets; an unclosed one fails the run."""

    async def run() -> int:
        async with serving(EngineServer(recorded.OLLAMA)) as engine, serving(EngineServer({})) as router:
            settings = AgentRun(router_url=router.url, engine_url=engine.url, state_dir=tmp_path / "state")
            agent = asyncio.create_task(run_until_signalled(settings))
            while not router.seen:
                await asyncio.sleep(0.01)
            os.kill(os.getpid(), kind)
            return await agent

    assert asyncio.run(run()) == 0
