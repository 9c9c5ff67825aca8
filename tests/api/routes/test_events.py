"""The event feed over HTTP: a snapshot, then differences, for as long as the session and the router last."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from api.rig import LAN, Rig, error_of, play
from starlette.datastructures import Headers

from llmlb.api.access import Access, Call, identify
from llmlb.api.peers import Peer
from llmlb.api.routes import events
from llmlb.api.routes.events import KEEP_ALIVE_S, event_stream
from llmlb.auth.principals import Denial


class Told(NamedTuple):
    id: int
    type: str
    data: dict[str, Any]


def read(chunk: bytes) -> list[Told]:
    """The events of one chunk, which always holds whole ones."""
    told = []
    for block in chunk.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        told.append(Told(int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return told


def stream_of(rig: Rig, token: str) -> AsyncGenerator[bytes]:
    headers = Headers({"authorization": f"Bearer {token}"})
    peer = Peer(LAN, is_loopback=False)
    principal = identify(rig.services, Access.OPERATOR, headers, peer=peer)
    assert not isinstance(principal, Denial)
    return event_stream(Call(rig.services, principal, peer, headers), rig.services.feed.subscribe())


def test_stream_begins_with_everything_and_goes_on_with_differences(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        stream = stream_of(rig, rig.viewer)
        (first,) = read(await anext(stream))
        assert first.type == "snapshot"
        assert [node["id"] for node in first.data["nodes"]] == ["node-1"]
        assert {"fleet", "settings", "alerts", "server_time", "version"} <= first.data.keys()
        await rig.ask("POST", "/v0/nodes/node-1/drain", token=rig.admin)
        await rig.ask("PUT", "/v0/settings/load-balancer", {"gpu_threshold": 5}, token=rig.admin)
        told = read(await anext(stream))
        assert [event.type for event in told] == ["node", "settings"]
        assert told[0].data["node"]["draining"] is True
        assert told[0].data["change"]["actor"] == "user:admin"
        assert told[1].data["settings"]["gpu_threshold"] == 5.0
        assert first.id < told[0].id < told[1].id
        await stream.aclose()
        assert rig.services.feed.subscribers == 0

    play(tmp_path, scenario)


@pytest.mark.parametrize("ending", ["logout", "expiry", "demotion", "drain"])
def test_stream_ends_soon_after_its_session_or_its_router(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "CHECK_S", 0.01)

    async def scenario(rig: Rig) -> None:
        token = rig.viewer
        stream = stream_of(rig, token)
        await anext(stream)
        match ending:
            case "logout":
                await rig.ask("POST", "/v0/auth/logout", token=token)
            case "expiry":
                rig.clock.pass_s(12 * 3600)
            case "demotion":
                await rig.ask("DELETE", "/v0/users/viewer", token=rig.admin)
            case _:
                rig.services.feed.close()
        async with asyncio.timeout(5):
            assert [chunk async for chunk in stream] == []
        assert rig.services.feed.subscribers == 0

    play(tmp_path, scenario)


def test_silence_is_filled_with_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "CHECK_S", 0.01)

    async def scenario(rig: Rig) -> None:
        stream = stream_of(rig, rig.viewer)
        await anext(stream)
        rig.clock.pass_s(KEEP_ALIVE_S)
        async with asyncio.timeout(5):
            assert (await anext(stream)).startswith(b":")
        await stream.aclose()

    play(tmp_path, scenario)


def test_events_over_http_are_an_event_stream_that_no_proxy_buffers(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        sent: list[dict[str, Any]] = []
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if message.get("body"):
                gone.set()

        headers = [(b"authorization", f"Bearer {rig.viewer}".encode()), (b"last-event-id", b"nonsense")]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": "GET",
            "path": "/v0/events",
            "query_string": b"",
            "headers": headers,
            "client": (LAN, 1),
        }
        async with asyncio.timeout(5):
            await rig.app(scope, receive, send)
        told = Headers(raw=sent[0]["headers"])
        assert sent[0]["status"] == 200
        assert told["content-type"].startswith("text/event-stream")
        assert (told["cache-control"], told["x-accel-buffering"]) == ("no-store", "no")
        assert read(sent[1]["body"])[0].type == "snapshot"
        assert rig.services.feed.subscribers == 0, "a client that went away is forgotten"

    play(tmp_path, scenario)


def test_router_that_shuts_down_takes_no_new_listener(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.calls.draining = True
        answer = await rig.ask("GET", "/v0/events", token=rig.viewer)
        assert (answer.status_code, error_of(answer)["code"]) == (503, "router_draining")
        assert "retry-after" in answer.headers

    play(tmp_path, scenario)
