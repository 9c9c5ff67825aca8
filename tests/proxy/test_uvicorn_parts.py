from __future__ import annotations

import asyncio

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from llmlb.proxy.uvicorn_parts import missing_parts


def found() -> list[str]:
    async def look() -> list[str]:
        return missing_parts(asyncio.get_running_loop())

    return asyncio.run(look())


def test_the_uvicorn_that_is_installed_has_all_that_is_used() -> None:
    assert found() == []


def test_a_method_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(HttpToolsProtocol, "_unset_keepalive_if_required")
    assert found() == ["_unset_keepalive_if_required"]


def test_a_constructor_that_changed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpToolsProtocol, "__init__", lambda self, config: None)
    assert "constructor" in found()[0]
