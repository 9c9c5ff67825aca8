"""A start that does not import what a router never uses, and yet answers the same."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationError

from llmlb.runtime.imports import lean_imports

_START = """
import json, sys
from llmlb.runtime.serve import run
before = sorted(sys.modules)
from llmlb.runtime.imports import lean_imports
with lean_imports():
    import llmlb.runtime.running
after = sorted(sys.modules)

from fastapi import FastAPI
from fastapi.openapi.models import PathItem
from llmlb.api.reference import openapi_schema
from llmlb.api.routes import ROUTERS
app = FastAPI(openapi_url=None)
for router in ROUTERS:
    app.router.routes.extend(router.routes)
was_deferred = not PathItem.__pydantic_complete__
print(json.dumps([before, after, was_deferred, openapi_schema(app)]))
"""


@pytest.fixture(scope="module")
def start() -> tuple[set[str], set[str], bool, object]:
    """The modules of a process before and after the large imports, and the API's description made from them."""
    ran = subprocess.run([sys.executable, "-c", _START], capture_output=True, text=True, timeout=60, check=True)
    before, after, was_deferred, schema = json.loads(ran.stdout)
    return set(before), set(after), was_deferred, schema


def test_a_bad_configuration_is_told_without_the_web_framework(start: tuple[set[str], set[str], bool, object]) -> None:
    before = start[0]
    assert "llmlb.config.loading" in before
    assert not {"fastapi", "uvicorn", "httpx", "pydantic", "jwt", "argon2"} & before


def test_a_start_imports_neither_migrations_nor_httpx_command(start: tuple[set[str], set[str], bool, object]) -> None:
    after = start[1]
    assert {"fastapi", "uvicorn", "httpx"} <= after
    assert (
        not {
            "alembic",
            "rich",
            "pygments",
            "httpx._main",
            "pydantic.v1",
            "prometheus_client",
            "email_validator",
            "textual",
        }
        & after
    )


def test_models_built_late_describe_the_same_api(start: tuple[set[str], set[str], bool, object]) -> None:
    from fastapi import FastAPI

    from llmlb.api.reference import openapi_schema
    from llmlb.api.routes import ROUTERS

    app = FastAPI(openapi_url=None)
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    assert start[2], "FastAPI's models of OpenAPI are built only when the API is described"
    assert start[3] == json.loads(json.dumps(openapi_schema(app)))


def test_a_model_made_meanwhile_is_checked_as_strictly_as_any() -> None:
    with lean_imports():

        class Late(BaseModel):
            count: int

    assert not Late.__pydantic_complete__
    with pytest.raises(ValidationError):
        Late.model_validate({"count": "many"})
    assert Late(count=1).model_dump() == {"count": 1}


def test_nothing_stays_changed_even_when_an_import_fails() -> None:
    before = dict(BaseModel.model_config), sys.modules.get("httpx._main")
    with pytest.raises(ImportError), lean_imports():
        raise ImportError("no such library")
    assert (dict(BaseModel.model_config) | {"defer_build": False}) == (before[0] | {"defer_build": False})
    assert sys.modules.get("httpx._main") is before[1]

    class Prompt(BaseModel):
        count: int

    assert Prompt.__pydantic_complete__
