"""An operator may have another uvicorn than the one we know: the router serves all the same, and says so."""

from __future__ import annotations

import asyncio
from io import StringIO
from pathlib import Path

import pytest
from fakes.node import ScriptedNode, answer
from runtime.whole_router import served_router
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from llmlb.proxy import uvicorn_parts

ANSWER = b'{"choices":[{"message":{"content":"forty-two"},"finish_reason":"stop"}]}'


def test_an_unknown_uvicorn_is_served_with_the_slow_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_parts, "_METHODS", ("no_such_method",))
    log = StringIO()

    async def story() -> None:
        async with ScriptedNode(lambda _: [answer(ANSWER)]) as node, served_router(tmp_path, log=log) as router:
            assert router.router.protocol_class() is HttpToolsProtocol
            await router.add_node(node)
            said = await router.chat()
            assert (said.status_code, said.content) == (200, ANSWER)
            router.router.logs.flush()

    asyncio.run(story())
    assert "no_such_method" in log.getvalue()
