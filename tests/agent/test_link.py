"""Who a node is for its router, and what it remembers of the answers."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import httpx
import pytest

from llmlb.agent.link import RouterLink
from llmlb.agent.state import StateFile
from llmlb.client.control import ControlClient


class Router:
    """Gives every registration one node and one token."""

    def __init__(self, node_id: object = "node-1", token: object = "nt_new") -> None:
        self.reply = {"node_id": node_id, "node_token": token, "state": "pending"}
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(201, json=self.reply)


def state_in(directory: Path) -> StateFile:
    return StateFile(directory / "state", router="http://r", engine_url="http://e")


def registered(
    router: Router,
    directory: Path,
    *,
    node_id: str = "",
    token: str = "",
    default_ids: tuple[str, ...] = ("box", "box-1"),
) -> RouterLink:
    async def run() -> RouterLink:
        async with ControlClient("http://router.test", transport=httpx.MockTransport(router)) as client:
            link = RouterLink(
                client, state_in(directory), node_id=node_id, token=token, default_ids=default_ids, join_token=""
            )
            await link.register({})
            return link

    return asyncio.run(run())


def test_an_issued_token_is_saved_under_the_routers_name_for_the_node(tmp_path: Path) -> None:
    link = registered(Router(), tmp_path)
    saved = state_in(tmp_path).load()
    assert saved is not None
    assert (link.node_id, saved.node_id, saved.node_token) == ("node-1", "node-1", "nt_new")


@pytest.mark.parametrize("token", [None, "", 7])
def test_an_answer_without_a_token_keeps_the_known_one(tmp_path: Path, token: object) -> None:
    registered(Router(token=token), tmp_path, token="nt_known")
    assert state_in(tmp_path).load() is None, "it came from outside and is not ours to write down"


def test_a_token_that_the_router_did_not_know_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        registered(Router(), tmp_path, token="nt_other")
    assert "does not know this node's token" in caplog.text
    assert "nt_" not in caplog.text


def test_default_names_are_taken_in_turn_and_never_for_a_node_with_a_token(tmp_path: Path) -> None:
    async def run() -> None:
        async with ControlClient("http://router.test", transport=httpx.MockTransport(Router())) as client:

            def link(token: str) -> RouterLink:
                names = ("box", "box-1")
                return RouterLink(client, state_in(tmp_path), node_id="", token=token, default_ids=names, join_token="")

            new, known = link(""), link("nt_known")
            assert (new.node_id, known.node_id) == ("box", "")
            assert (new.take_other_id(), new.node_id) == (True, "box-1")
            assert not new.take_other_id()
            assert not known.take_other_id()

    asyncio.run(run())


def test_a_forgotten_node_keeps_its_name_and_loses_its_token(tmp_path: Path) -> None:
    router = Router()

    async def run() -> None:
        async with ControlClient("http://router.test", transport=httpx.MockTransport(router)) as client:
            link = RouterLink(client, state_in(tmp_path), node_id="box", token="nt_old", default_ids=(), join_token="")
            link.forget()
            await link.register({})
            await link.leave()

    asyncio.run(run())
    register, goodbye = router.asked
    assert "x-node-token" not in register.headers
    assert json.loads(goodbye.content)["leaving"] is True
