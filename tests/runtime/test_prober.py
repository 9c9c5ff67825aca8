"""Whom the router asks itself, and in which order."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from fakes.fleet import FleetKit

from llmlb.config.settings import Settings
from llmlb.core.node import Beat, Node, NodeId, Profile
from llmlb.runtime.prober import Prober


class Listed(Prober):
    """Asks nobody: nodes whose name begins with ``dead`` are waited for in vain, all others answer at once."""

    def __init__(self, kit: FleetKit) -> None:
        services: Any = SimpleNamespace(fleet=kit.fleet, now_s=lambda: kit.now_s, settings=Settings())
        endpoints: Any = None
        super().__init__(services, endpoints)
        self.kit = kit
        self.answered: list[str] = []

    async def _ask(self, node: Node) -> None:
        if node.id.startswith("dead"):
            await asyncio.sleep(3600)
        self.answered.append(node.id)
        self.kit.beat(node)

    async def round(self) -> None:
        await self.one_round()
        for _ in range(20):
            await asyncio.sleep(0)


def agentless(kit: FleetKit, *names: str) -> list[Node]:
    nodes = []
    for name in names:
        profile = Profile(url=f"http://{name}", agentless=True)
        node, _ = kit.fleet.register(NodeId(name), profile, Beat(interval_s=10.0), kit.now_s)
        kit.fleet.approve(node, kit.now_s)
        nodes.append(node)
    return nodes


def test_engines_that_do_not_answer_keep_nobody_else_from_being_asked() -> None:
    async def scenario() -> None:
        kit = FleetKit()
        agentless(kit, *(f"dead-{number}" for number in range(100)), *(f"live-{number}" for number in range(5)))
        prober = Listed(kit)
        for node in kit.fleet:
            if node.id.startswith("live"):
                kit.beat(node)
        for _ in range(4):
            kit.pass_time(10)
            prober.answered.clear()
            await prober.round()
            assert sorted(prober.answered) == [f"live-{number}" for number in range(5)]
        await prober.stop()

    asyncio.run(scenario())


def test_a_thousand_engines_are_asked_evenly_each_within_its_interval() -> None:
    async def scenario() -> None:
        kit = FleetKit()
        agentless(kit, *(f"live-{number}" for number in range(1000)))
        prober = Listed(kit)
        for node in kit.fleet:
            kit.beat(node)
        asked = []
        for _ in range(44):
            prober.answered.clear()
            await prober.round()
            asked.append(set(prober.answered))
            kit.pass_time(0.5)
        assert len(set().union(*asked[:22])) == len(set().union(*asked[22:])) == 1000
        assert max(map(len, asked)) < 70
        await prober.stop()

    asyncio.run(scenario())
