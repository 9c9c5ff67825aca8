"""Starting and ending an agent."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import ssl

import httpx

from llmlb.agent.discovery import engine_addresses
from llmlb.agent.gauges import Gauges
from llmlb.agent.gpus import Gpus
from llmlb.agent.identity import checked_node_id
from llmlb.agent.life import AgentLife
from llmlb.agent.run import AgentRun
from llmlb.agent.watch import EngineWatch
from llmlb.client.address import router_address
from llmlb.client.answers import tls_context
from llmlb.client.control import ControlClient

__all__ = ["AgentRun", "run_agent", "run_until_signalled"]

_ENGINE_POOL = httpx.Limits(keepalive_expiry=2.0)
"""Within one look connections are reused, between looks not: engines close idle ones after 3 to 5 s, as we ask."""


async def run_until_signalled(settings: AgentRun) -> int:
    """Run an agent until SIGTERM or SIGINT; answers the exit code. For a process that is nothing else."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for kind in (signal.SIGTERM, signal.SIGINT):
        # Where the loop knows no signals, Ctrl-C still ends the process, without a goodbye.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(kind, stop.set)
    return await run_agent(settings, stop=stop)


async def run_agent(
    settings: AgentRun,
    *,
    stop: asyncio.Event,
    transport: httpx.AsyncBaseTransport | None = None,
    gauges: Gauges | None = None,
    rng: random.Random | None = None,
) -> int:
    """Run an agent until ``stop`` is set, then tell the router that the node leaves; answers the exit code 0.

    transport: carries the requests to router and engine, the network if None.
    Raises ConfigurationError for settings or files that no retry can mend; everything else is retried for ever.
    """
    router = router_address(settings.router_url)
    addresses = engine_addresses(settings.engine_url, router)
    if settings.node_id:
        checked_node_id(settings.node_id)
    async with (
        ControlClient(settings.router_url, ca_file=settings.ca_file or None, transport=transport) as client,
        _engine_client(settings, transport) as http,
    ):
        watch = EngineWatch(http, addresses, api_key=settings.engine_api_key)
        agent = AgentLife(
            settings,
            client,
            watch,
            router=router,
            gauges=gauges or Gauges(gpus=Gpus(only=settings.gpus)),
            rng=rng or random.Random(),
        )
        return await _run_until(agent, stop)


async def _run_until(agent: AgentLife, stop: asyncio.Event) -> int:
    life = asyncio.create_task(agent.live(), name="llmlb-agent")
    stopped = asyncio.create_task(stop.wait(), name="llmlb-agent-stop")
    try:
        await asyncio.wait({life, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (life, stopped):
            task.cancel()
        await asyncio.gather(life, stopped, return_exceptions=True)
    if not life.cancelled() and (error := life.exception()) is not None:
        raise error
    await agent.leave()
    return 0


def _engine_client(settings: AgentRun, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    is_tls = settings.engine_url.startswith("https:") and transport is None
    verify = tls_context(settings.ca_file or None) if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(
        verify=verify, transport=transport, trust_env=False, follow_redirects=False, limits=_ENGINE_POOL
    )
