"""The router put together, as far as it needs no listener."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from fakes.node import ScriptedNode
from runtime.whole_router import served_router, whole_router

from llmlb.config.settings import AlertsSettings
from llmlb.runtime.router import Router


class Pager:
    """Listens for one alert."""

    def __init__(self) -> None:
        self.posted: asyncio.Queue[bytes] = asyncio.Queue()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        self.posted.put_nowait(body)


COMMAND = "import socket,sys; socket.create_connection(('127.0.0.1', int(sys.argv[2]))).sendall("
COMMAND += "(sys.argv[1] + sys.stdin.read()).encode())"


def test_an_alert_reaches_the_webhook_and_the_command(tmp_path: Path) -> None:
    pager, piped = Pager(), asyncio.Queue[bytes]()

    async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        piped.put_nowait(await reader.read())
        writer.close()

    async def story(router: Router) -> None:
        router.metrics.leaked_leases = 1
        router.start()
        posted = await pager.posted.get()
        assert await piped.get() == b"$(no shell); " + posted
        [alert] = json.loads(posted)["alerts"]
        assert (alert["change"], alert["rule"]) == ("fired", "leaked_lease")

    async def main() -> None:
        webhook = await asyncio.start_server(pager.answer, "127.0.0.1", 0)
        command = await asyncio.start_server(collect, "127.0.0.1", 0)
        async with webhook, command:
            port, other_port = (server.sockets[0].getsockname()[1] for server in (webhook, command))
            alerts = AlertsSettings(
                webhook=f"http://127.0.0.1:{port}/hook",
                command=(sys.executable, "-c", COMMAND, "$(no shell); ", str(other_port)),
                debounce_s=0.0,
            )
            async with asyncio.timeout(30), whole_router(tmp_path / "data", alerts=alerts) as router:
                await story(router)

    asyncio.run(main())


def test_a_restart_brings_back_nodes_tokens_and_records(tmp_path: Path) -> None:
    """The node is shown as it was, and works again with its next heartbeat: nobody has to approve it."""

    async def story() -> None:
        async with ScriptedNode(lambda _: []) as node, served_router(tmp_path) as router:
            await router.add_node(node)
            tokens = dict(router.node_tokens)
        async with served_router(tmp_path) as router:
            shown = (await router.ask("GET", "/v0/nodes/node-1")).json()
            assert (shown["state"], shown["heartbeats"], shown["ineligible_because"]) == ("online", 1, "unverified")
            beat = {"node_id": "node-1", "loaded_models": ["m"]}
            answer = await router.http.post("/v0/health", json=beat, headers={"x-node-token": tokens["node-1"]})
            assert answer.json()["state"] == "online"
            assert (await router.ask("GET", "/v0/nodes/node-1")).json()["ineligible_because"] is None

    asyncio.run(story())
