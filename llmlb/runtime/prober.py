"""Asking engines directly: nodes without an agent, and nodes that are silent, ejected or not yet verified.

Only approved nodes are ever dialled.
"""

from __future__ import annotations

import asyncio
import logging
from math import ceil

from llmlb.agent.engines import detect, engine_named
from llmlb.agent.engines.endpoint import Endpoint
from llmlb.api.services import Services
from llmlb.core.circuit import CircuitState
from llmlb.core.fleet import BeatVerdict
from llmlb.core.node import Beat, Node
from llmlb.errors import EngineError
from llmlb.proxy.pool import NodeEndpoint
from llmlb.runtime.endpoints import Endpoints

PROBE_TIMEOUT_S = 2.0
PROBE_INTERVAL_S = 1.0
POLLS_AT_ONCE = 64
PROBES_AT_ONCE = 32
"""Of nodes that may not answer. They have places of their own: each takes seconds, and nobody else must wait for it."""

_log = logging.getLogger(__name__)


class Prober:
    """Runs a round once a second; a node is never asked twice at the same time."""

    def __init__(self, services: Services, endpoints: Endpoints) -> None:
        self._services = services
        self._endpoints = endpoints
        self._running: dict[Node, asyncio.Task[None]] = {}
        self._polled: set[Node] = set()
        """Those of the running that are expected to answer."""
        self._asked_at_s: dict[Node, float] = {}
        self._kinds: dict[Node, str] = {}
        self._round_at_s = float("-inf")

    async def one_round(self) -> None:
        """Start what is due, whoever was asked longest ago first: else those in front would take every place."""
        now_s, fleet = self._services.now_s(), self._services.fleet
        for node in [node for node in self._asked_at_s if fleet.get(node.id) is not node]:
            self.forget(node)
        polled, probed = self._due(now_s)
        for node in polled[: max(0, min(self._share(now_s), POLLS_AT_ONCE - len(self._polled)))]:
            self._polled.add(node)
            self.ask(node)
        for node in probed[: max(0, PROBES_AT_ONCE - (len(self._running) - len(self._polled)))]:
            self.ask(node)
        self._round_at_s = now_s

    def _due(self, now_s: float) -> tuple[list[Node], list[Node]]:
        """Nodes to ask, those that are expected to answer apart."""
        due = [node for node in self._services.fleet if node not in self._running and self._is_due(node, now_s)]
        due.sort(key=lambda node: self._asked_at_s.get(node, float("-inf")))
        return [node for node in due if _answers(node)], [node for node in due if not _answers(node)]

    def _share(self, now_s: float) -> int:
        """How many polls belong in this round, so that they spread over the interval instead of coming in one burst."""
        interval_s = self._services.settings.health.check_interval_s
        nodes = sum(node.profile.agentless for node in self._services.fleet)
        return ceil(nodes * min(1.0, (now_s - self._round_at_s) / interval_s)) + 1

    def ask(self, node: Node) -> None:
        """Ask this node now, unless it is being asked already."""
        if node in self._running or not node.is_approved:
            return
        self._asked_at_s[node] = self._services.now_s()
        task = asyncio.get_running_loop().create_task(self._ask(node))
        self._running[node] = task
        task.add_done_callback(lambda _: self._asked(node))

    def _asked(self, node: Node) -> None:
        self._running.pop(node, None)
        self._polled.discard(node)

    def forget(self, node: Node) -> None:
        """The node is gone or is dialled differently."""
        self._asked_at_s.pop(node, None)
        self._kinds.pop(node, None)

    async def stop(self) -> None:
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_due(self, node: Node, now_s: float) -> bool:
        if not node.is_approved:
            return False
        age_s = now_s - self._asked_at_s.get(node, float("-inf"))
        if node.profile.agentless:
            interval_s = self._services.settings.health.check_interval_s
            return age_s >= (interval_s if node.silent_at_s is None and node.verified else PROBE_INTERVAL_S)
        doubtful = not node.verified or node.circuit.state is CircuitState.OPEN or self._services.fleet.is_silent(node)
        return doubtful and age_s >= PROBE_INTERVAL_S

    async def _ask(self, node: Node) -> None:
        endpoint = self._endpoints.endpoint_of(node)
        if endpoint is None:
            return
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S * 5):
                if node.profile.agentless:
                    await self._poll(node, endpoint)
                else:
                    await self._probe(node, endpoint)
        except (EngineError, TimeoutError) as error:
            self._kinds.pop(node, None)
            node.last_error = f"probe: {str(error) or 'timed out'}"
            _log.debug("a probe failed", extra={"node_id": node.id, "error": str(error)})

    async def _probe(self, node: Node, endpoint: NodeEndpoint) -> None:
        """Does it answer at all? For nodes whose agent tells the rest."""
        async with self._endpoints.http_client(endpoint, timeout_s=PROBE_TIMEOUT_S) as http:
            await detect(http, node.profile.url, api_key=self._endpoints.api_key(node), timeout_s=PROBE_TIMEOUT_S)
        if self._services.fleet.get(node.id) is node:
            self._services.announce(self._services.fleet.answered(node, self._services.now_s()))

    async def _poll(self, node: Node, endpoint: NodeEndpoint) -> None:
        """A poll that is answered counts as a heartbeat."""
        services = self._services
        async with self._endpoints.http_client(endpoint, timeout_s=PROBE_TIMEOUT_S) as http:
            key = self._endpoints.api_key(node)
            kind = self._kinds.get(node)
            if kind is None:
                engine = await detect(http, node.profile.url, api_key=key, timeout_s=PROBE_TIMEOUT_S)
                self._kinds[node] = engine.name
            else:
                engine = engine_named(kind, Endpoint(http, node.profile.url, api_key=key, timeout_s=PROBE_TIMEOUT_S))
            reading = await engine.probe()
        if services.fleet.get(node.id) is not node:
            return
        beat = Beat(
            active_requests=reading.active_requests or 0,
            loaded_models=reading.loaded_models,
            available_models=reading.available_models,
            queue_depth=reading.queued,
            kv_cache_percent=reading.kv_cache_usage,
            prefill_rate=reading.prefill_rate,
            decode_rate=reading.decode_rate,
            max_concurrency=node.reported_concurrency,
            interval_s=services.settings.health.check_interval_s,
        )
        now_s = services.now_s()
        verdict, changes = services.fleet.beat(node, beat, now_s=now_s, unix_s=services.now_unix_s())
        if verdict is BeatVerdict.ACCEPTED:
            changes += services.fleet.answered(node, now_s)
        services.announce(changes)


def _answers(node: Node) -> bool:
    """Whether it did of late, as far as is known."""
    return node.silent_at_s is None and node.verified and node.circuit.state is not CircuitState.OPEN
