"""The event feed over a real connection: whoever comes back gets what it missed, or everything anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from fakes.node import ScriptedNode
from runtime.whole_router import Served, served_router


async def events_of(router: Served, last_id: int | None = None) -> AsyncGenerator[tuple[int, str, dict[str, Any]]]:
    headers = {"authorization": f"Bearer {router.token}"}
    if last_id is not None:
        headers["last-event-id"] = str(last_id)
    async with router.http.stream("GET", "/v0/events", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        event: dict[str, str] = {}
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if line:
                event[name] = value
            elif event:
                yield int(event["id"]), event["event"], json.loads(event["data"])
                event = {}


async def first_of(router: Served, last_id: int | None = None) -> tuple[int, str, dict[str, Any]]:
    async with aclosing(events_of(router, last_id)) as events:
        return await anext(events)


def test_last_event_id_resumes_and_a_gap_begins_anew(tmp_path: Path) -> None:
    async def story() -> None:
        async with ScriptedNode(lambda _: []) as node, served_router(tmp_path) as router:
            await router.add_node(node)
            seen, kind, data = await first_of(router)
            assert (kind, [each["id"] for each in data["nodes"]]) == ("snapshot", ["node-1"])
            await router.ask("POST", "/v0/nodes/node-1/drain")
            missed: list[tuple[int, str, dict[str, Any]]] = []
            async with aclosing(events_of(router, seen)) as events:
                while not missed or not (missed[-1][2].get("node") or {}).get("draining"):
                    missed.append(await anext(events))
            assert min(event_id for event_id, _, _ in missed) > seen
            assert "snapshot" not in {kind for _, kind, _ in missed}
            assert "draining" in {data["change"]["kind"] for _, _, data in missed if "change" in data}
            for stranger in (1, seen + 10**12):
                _, kind, data = await first_of(router, stranger)
                assert kind == "snapshot"
                assert data["nodes"][0]["draining"] is True

    asyncio.run(story())
