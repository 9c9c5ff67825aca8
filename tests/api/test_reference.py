"""The OpenAPI description: complete, consistent, and for operators."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from api.rig import Rig, play, route_table

from llmlb.api.reference import openapi_schema

UNLISTED = {"/openapi.json", "/docs"}


def references(part: Any) -> set[str]:
    return set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(part)))


def test_every_route_is_described_with_a_credential_and_a_purpose(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        described = openapi_schema(rig.app)["paths"]
        for route in route_table(rig.app):
            if route.template in UNLISTED:
                continue
            operation = described[route.template][route.method.lower()]
            assert "security" in operation, route
            assert operation.get("description"), route
            assert operation["responses"], route
            is_public = route.access.value == "public"
            assert bool(operation["security"]) is not is_public, route
            if not is_public:
                assert "401" in operation["responses"], route

    play(tmp_path, scenario, dev=True)


def test_every_body_that_is_read_is_described_with_an_example_where_there_is_one(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        schema = openapi_schema(rig.app)
        with_body = {
            (path, method)
            for path, operations in schema["paths"].items()
            for method, operation in operations.items()
            if "requestBody" in operation
        }
        assert {
            ("/v0/auth/login", "post"),
            ("/v0/nodes", "post"),
            ("/v0/health", "post"),
            ("/v0/nodes/{node_id}", "patch"),
            ("/v0/settings/load-balancer", "put"),
            ("/v0/api-keys", "post"),
            ("/v1/messages", "post"),
        } <= with_body
        assert schema["components"]["schemas"]["Heartbeat"]["examples"]
        assert schema["components"]["schemas"]["Registration"]["required"] == ["url"]

    play(tmp_path, scenario)


def test_nothing_is_referred_to_that_is_not_defined_and_ids_are_unique(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        schema = openapi_schema(rig.app)
        assert references(schema) <= schema["components"]["schemas"].keys()
        ids = [each["operationId"] for operations in schema["paths"].values() for each in operations.values()]
        assert len(ids) == len(set(ids))
        names = {
            name for ops in schema["paths"].values() for op in ops.values() for use in op["security"] for name in use
        }
        assert names == schema["components"]["securitySchemes"].keys()
        assert not {"HTTPValidationError", "ValidationError"} & schema["components"]["schemas"].keys()

    play(tmp_path, scenario)


def test_description_is_for_operators_and_made_once(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.ask("GET", "/openapi.json")).status_code == 401
        first = await rig.ask("GET", "/openapi.json", token=rig.viewer)
        assert first.json()["info"]["title"] == "llmlb"
        assert (await rig.ask("GET", "/openapi.json", token=rig.viewer)).content == first.content

    play(tmp_path, scenario)


def test_page_exists_only_under_dev_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    async def outside(rig: Rig) -> None:
        assert (await rig.ask("GET", "/docs", token=rig.admin)).status_code == 404

    async def under_dev(rig: Rig) -> None:
        page = await rig.ask("GET", "/docs")
        assert page.headers["content-type"].startswith("text/html")
        assert "/v0/nodes/{node_id}/approve" in page.text
        assert not re.search(r"<script|<link|src=|https?:", page.text)

    play(tmp_path / "a", outside)
    play(tmp_path / "b", under_dev, dev=True)
