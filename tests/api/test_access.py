"""Who may call what: every route against every kind of credential."""

from __future__ import annotations

from pathlib import Path

import pytest
from api.rig import Rig, error_of, play, route_table
from starlette.responses import Response
from starlette.routing import Route

from llmlb.api.access import Access, declared_access
from llmlb.errors import ConfigurationError

ADMITS: dict[Access, set[str]] = {
    Access.PUBLIC: {"none", "api", "metrics", "adminkey", "node", "join", "viewer", "admin", "local", "garbage"},
    Access.NODE: set(),
    Access.CLIENT: {"api", "adminkey"},
    Access.METRICS: {"metrics", "adminkey"},
    Access.SESSION: {"viewer", "admin"},
    Access.OPERATOR: {"viewer", "admin", "adminkey", "local"},
    Access.ADMIN: {"admin", "adminkey", "local"},
}
"""Which kinds of credential get past the door of each kind of route, sent as a bearer from another machine."""

UNLIMITED = {"/v0/events"}
"""Its answer does not end; it has tests of its own."""

DATA_PLANE = {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/messages"}
"""The data plane checks keys itself."""


async def _credentials(rig: Rig) -> dict[str, str]:
    assert (await rig.register("node-1")).status_code == 201
    join = await rig.ask("POST", "/v0/join-tokens", {"name": "j"}, token=rig.admin)
    return {
        "none": "",
        "api": await rig.key("api"),
        "metrics": await rig.key("metrics"),
        "adminkey": await rig.key("admin"),
        "node": rig.tokens["node-1"],
        "join": join.json()["token"],
        "viewer": rig.viewer,
        "admin": rig.admin,
        "local": rig.local(),
        "garbage": "not-a-credential",
    }


def test_every_route_declares_who_may_call_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        entries = route_table(rig.app)
        assert len(entries) > 45
        assert {entry.access for entry in entries} == set(Access)
        mutating = [e for e in entries if e.method != "GET" and e.template.startswith("/v0")]
        assert {entry.template for entry in mutating if entry.access not in (Access.ADMIN, Access.SESSION)} == {
            "/v0/auth/login",
            "/v0/nodes",
            "/v0/health",
        }

    play(tmp_path, scenario)


def test_route_that_declares_nothing_is_refused_at_start() -> None:
    async def endpoint(request: object) -> Response:
        return Response()

    with pytest.raises(ConfigurationError, match="/v0/forgotten"):
        declared_access(Route("/v0/forgotten", endpoint))


def test_each_kind_of_credential_passes_exactly_the_routes_that_admit_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        credentials = await _credentials(rig)
        for entry in route_table(rig.app):
            if entry.template in DATA_PLANE or entry.access is Access.NODE:
                continue
            for kind, token in credentials.items():
                if kind in ADMITS[entry.access] and (entry.template in UNLIMITED or entry.path.endswith("/logout")):
                    continue
                answer = await rig.ask(entry.method, entry.path, token=token)
                where = f"{entry.method} {entry.path} with {kind}: {answer.status_code} {answer.text[:200]}"
                if kind in ADMITS[entry.access]:
                    assert answer.status_code not in (401, 403, 500), where
                    continue
                is_nothing = kind in ("none", "garbage")
                assert answer.status_code in ((401,) if is_nothing else (401, 403)), where
                error = error_of(answer)
                if kind == "viewer" and entry.access is Access.ADMIN:
                    assert (answer.status_code, error["type"]) == (403, "permission_error"), where

    play(tmp_path, scenario)


def test_credential_is_checked_before_the_body_is_read(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for path in ("/v0/api-keys", "/v0/users", "/v0/join-tokens"):
            assert (await rig.ask("POST", path, content=b"{")).status_code == 401

    play(tmp_path, scenario)


def test_session_of_another_router_is_worth_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        head, claims, _ = rig.admin.split(".")
        forged = f"{head}.{claims}.{'A' * 43}"
        assert (await rig.ask("GET", "/v0/nodes", token=forged)).status_code == 401

    play(tmp_path, scenario)


def test_credential_that_is_not_ascii_is_refused_and_not_a_failure(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for path in ("/v0/nodes", "/v1/models", "/metrics"):
            headers = {"authorization": "Bearer sk-\xff\xfe"}
            transport_headers = {name: value.encode("latin-1") for name, value in headers.items()}
            answer = await rig.ask("GET", path, headers=transport_headers)  # type: ignore[arg-type]  # raw bytes
            assert answer.status_code == 401, path

    play(tmp_path, scenario)


def test_api_key_may_come_in_the_header_of_anthropic_clients(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        key = await rig.key("api")
        assert (await rig.ask("GET", "/v1/models", headers={"x-api-key": key})).status_code == 200
        assert (await rig.ask("GET", "/v1/models", headers={"x-api-key": key[:-1]})).status_code == 401

    play(tmp_path, scenario)
