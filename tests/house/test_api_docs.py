"""docs/api.md names every path of the router, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from api.rig import Rig, play, route_table

from llmlb.api.access import Access

FILE = Path(__file__).parents[2] / "docs" / "api.md"
_ROW = re.compile(r"^\| (GET|POST|PUT|PATCH|DELETE) `([^`]+)` \| ([^|]+) \|", re.M)
_WORDS = {
    Access.PUBLIC: "nobody",
    Access.NODE: "node token",
    Access.CLIENT: "API key",
    Access.METRICS: "nobody from this machine",
    Access.SESSION: "login",
    Access.OPERATOR: "operator",
    Access.ADMIN: "admin",
}


def test_every_route_is_documented_with_its_credential_and_nothing_else_is(tmp_path: Path) -> None:
    documented = {(method, path): credential for method, path, credential in _ROW.findall(FILE.read_text())}

    async def scenario(rig: Rig) -> None:
        routes = {(route.method, route.template): route.access for route in route_table(rig.app)}
        assert documented.keys() == routes.keys()
        for route, access in routes.items():
            assert documented[route].startswith(_WORDS[access]), route

    play(tmp_path, scenario, dev=True)
