"""Importing the large libraries without those parts of them that a router never uses, or not before it serves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_HTTPX_COMMAND = "httpx._main"


@contextmanager
def lean_imports() -> Iterator[None]:
    """What is imported within comes without httpx's command line, and builds pydantic models when they are first used.

    The command line brings click, rich and pygments, and httpx does without it where it cannot be imported. FastAPI
    has forty models for its OpenAPI description, which hardly any run of a router makes. Together a tenth of a start.
    """
    from pydantic import BaseModel

    is_first = _HTTPX_COMMAND not in sys.modules
    deferred_before = BaseModel.model_config.get("defer_build", False)
    if is_first:
        sys.modules[_HTTPX_COMMAND] = None  # type: ignore[assignment]  # Python's own way to forbid an import
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        BaseModel.model_config["defer_build"] = deferred_before
        if is_first:
            del sys.modules[_HTTPX_COMMAND]
