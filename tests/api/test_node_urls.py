"""Node URLs under the router's rules: loopback only for a router on loopback, never the router itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from api.rig import Rig, play

from llmlb.api.node_urls import is_same_origin, node_address, pinned_address
from llmlb.auth.urls import check_node_url
from llmlb.config.sections import ServerSettings
from llmlb.config.settings import Settings
from llmlb.errors import NodeUrlRefused


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("10.0.0.1", False), ("lb", False)],
)
def test_only_a_router_on_loopback_takes_engines_there(host: str, allowed: bool, tmp_path: Path) -> None:
    settings = replace(Settings(), server=ServerSettings(host=host))

    async def scenario(rig: Rig) -> None:
        for url in ("http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9"):
            if allowed:
                assert node_address(rig.services, f" {url} ").port == 9
                assert await pinned_address(rig.services, url) in ("127.0.0.1", "::1")
                continue
            with pytest.raises(NodeUrlRefused):
                node_address(rig.services, url)
        with pytest.raises(NodeUrlRefused):
            node_address(rig.services, "http://127.0.0.1:8080")

    play(tmp_path, scenario, settings=settings)


@pytest.mark.parametrize(
    ("stored", "same"),
    [
        ("http://10.0.0.5:8000", True),
        ("http://10.0.0.5:8000/engine/v1", True),
        ("http://10.0.0.5:8001", False),
        ("http://10.0.0.6:8000", False),
        ("https://10.0.0.5:8000", False),
        ("nonsense", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(stored: str, same: bool) -> None:
    assert is_same_origin(check_node_url("http://10.0.0.5:8000/x", loopback_allowed=False), stored) is same
