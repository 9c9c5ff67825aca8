"""Nodes under host names: what becomes of the approved address when the name leads elsewhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from api.rig import Rig, play

from llmlb.config.settings import RegistrationSettings, Settings
from llmlb.core.node import NodeId
from llmlb.runtime.names import Names

MAY_MOVE = replace(Settings(), registration=RegistrationSettings(allow_address_change=True))


class NameServer:
    """Every name leads to these addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def getaddrinfo(self, host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        if not self.addresses:
            raise socket.gaierror("no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in self.addresses]


def on_names(
    directory: Path, story: Callable[[Rig, NameServer, Names], Awaitable[None]], settings: Settings | None = None
) -> None:
    """An approved node under a name that leads to 10.0.0.5."""

    async def scenario(rig: Rig) -> None:
        server = NameServer("10.0.0.5")
        loop = asyncio.get_running_loop()
        loop.getaddrinfo = server.getaddrinfo  # type: ignore[method-assign, assignment]  # this loop's resolver
        await rig.register("node-1", url="http://gpu.lan:8000")
        await rig.approve()
        rig.calls.redialled.clear()
        await story(rig, server, Names(rig.services))

    play(directory, scenario, settings=settings)


def pinned(rig: Rig) -> str:
    return rig.services.node_records[NodeId("node-1")].address


def test_the_pin_follows_the_name_where_nodes_may_move(tmp_path: Path) -> None:
    async def story(rig: Rig, server: NameServer, names: Names) -> None:
        server.addresses = ("10.0.0.6",)
        await names.one_round()
        assert pinned(rig) == "10.0.0.6"
        assert rig.calls.redialled == ["node-1"]
        (row,) = await rig.services.store.load_nodes()
        assert row.address == "10.0.0.6"

    on_names(tmp_path, story, MAY_MOVE)


def test_elsewhere_the_pin_stays_and_the_node_says_why(tmp_path: Path) -> None:
    async def story(rig: Rig, server: NameServer, names: Names) -> None:
        server.addresses = ("10.0.0.6",)
        await names.one_round()
        assert (pinned(rig), rig.calls.redialled) == ("10.0.0.5", [])
        node = rig.services.fleet.get(NodeId("node-1"))
        assert node is not None
        assert "10.0.0.6" in node.last_error

    on_names(tmp_path, story)


def test_one_of_several_addresses_is_as_good_as_the_only_one(tmp_path: Path) -> None:
    async def story(rig: Rig, server: NameServer, names: Names) -> None:
        server.addresses = ("10.0.0.4", "10.0.0.5")
        await names.one_round()
        assert (pinned(rig), rig.calls.redialled) == ("10.0.0.5", [])

    on_names(tmp_path, story, MAY_MOVE)


def test_what_was_pinned_last_stays_when_the_name_leads_nowhere_or_where_it_must_not(tmp_path: Path) -> None:
    async def story(rig: Rig, server: NameServer, names: Names) -> None:
        for addresses in ((), ("169.254.169.254",), ("10.0.0.6", "169.254.169.254")):
            server.addresses = addresses
            await names.one_round()
            assert (pinned(rig), rig.calls.redialled) == ("10.0.0.5", [])

    on_names(tmp_path, story, MAY_MOVE)
