"""llmlb agent, which is also xllm"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmlb_cli.exits import usage

if TYPE_CHECKING:
    from llmlb.agent.run import AgentRun
    from llmlb.config.settings import AgentSettings


def agent(
    router_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The router; default http://localhost:8080. [env: LLMLB_URL]")
    ] = None,
    engine_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The engine; default: the first usual local port that answers.")
    ] = None,
    node_id: Annotated[str | None, typer.Option(metavar="ID", help="The node's id; default: the host name.")] = None,
    heartbeat: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="Interval, 10..60; default 30. [env: XLLM_HEARTBEAT_SECS]")
    ] = None,
    advertise_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The engine's address as the router reaches it.")
    ] = None,
    join_token: Annotated[
        str | None, typer.Option(metavar="TOKEN", help="Where the router demands one; better as LLMLB_JOIN_TOKEN.")
    ] = None,
    use_engine_slots: Annotated[
        bool, typer.Option("--use-engine-slots", help="Send no more requests at once than the engine has slots.")
    ] = False,
    machine_name: Annotated[str | None, typer.Option(metavar="NAME", help="Default: the host name.")] = None,
    capability_score: Annotated[
        str | None, typer.Option(metavar="POINTS", help="Default: worked out from the GPUs.")
    ] = None,
    gpus: Annotated[str | None, typer.Option(metavar="INDICES", help="The engine's GPUs: 0,1; default: all.")] = None,
    ca_file: Annotated[str | None, typer.Option(metavar="FILE", help="The router's CA. [env: LLMLB_CA_FILE]")] = None,
    state_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the node's token is kept. [env: LLMLB_STATE_DIR]")
    ] = None,
    dev: Annotated[bool, typer.Option("--dev", help="Allow heartbeats every second.")] = False,
    log_level: Annotated[str, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")] = "info",
    log_format: Annotated[str, typer.Option(metavar="FORMAT", help="text or json.")] = "text",
) -> int:
    """Run beside an engine: register it at a router and send its heartbeats until SIGTERM or Ctrl-C.

    A new node gets no requests until somebody approves it: llmlb nodes approve ID. xllm is the same program.

    Examples:
      llmlb agent --router-url http://router:8080
      llmlb agent --router-url http://router:8080 --engine-url http://127.0.0.1:8000 --node-id gpu-1
      XLLM_HEARTBEAT_SECS=10 xllm --router-url http://router:8080
    """
    from llmlb.config.loading import load_agent_settings
    from llmlb_cli.logs import logging_to_stderr

    flags = {
        "agent.router": router_url,
        "agent.engine_url": engine_url,
        "agent.node_id": node_id,
        "agent.heartbeat": heartbeat,
        "agent.advertise_url": advertise_url,
        "agent.join_token": join_token,
        "agent.use_engine_slots": use_engine_slots or None,
        "agent.machine_name": machine_name,
        "agent.capability_score": capability_score,
        "agent.gpus": gpus,
        "agent.ca_file": ca_file,
    }
    settings = load_agent_settings(environ=os.environ, flags=flags, dev=dev)
    with logging_to_stderr(log_level, log_format):
        return asyncio.run(_run(settings, state_dir))


async def _run(settings: AgentSettings, state_dir: Path | None) -> int:
    from llmlb.agent.agent import run_until_signalled

    return await run_until_signalled(_agent_run(settings, state_dir))


def _agent_run(settings: AgentSettings, state_dir: Path | None) -> AgentRun:
    from llmlb.agent.run import AgentRun

    return AgentRun(
        router_url=settings.router_url,
        engine_url=settings.engine_url,
        advertise_url=settings.advertise_url,
        node_id=settings.node_id,
        machine_name=settings.machine_name,
        node_token=settings.token,
        join_token=settings.join_token,
        engine_api_key=settings.engine_api_key,
        heartbeat_s=float(settings.heartbeat_s),
        use_engine_slots=settings.use_engine_slots,
        capability_score=settings.capability_score,
        gpus=_indices(settings.gpus),
        ca_file=settings.ca_file,
        state_dir=state_dir,
    )


def _indices(gpus: tuple[str, ...]) -> tuple[int, ...] | None:
    if not gpus:
        return None
    if wrong := [each for each in gpus if not each.isdecimal()]:
        raise usage(f"--gpus holds {wrong[0]}, and wants indices", hint="--gpus 0,1 names the first two GPUs")
    return tuple(int(each) for each in gpus)
