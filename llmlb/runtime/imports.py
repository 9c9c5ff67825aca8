"""Importing the large libraries without those parts of them that a router never uses, or not before it serves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_UNUSED = ("httpx._main", "pydantic.v1")


@contextmanager
def lean_imports() -> Iterator[None]:
    """What is imported within comes without httpx's command line and pydantic 1, and builds models when first used.

    The command line brings click, rich and pygments, and FastAPI looks at every route for models of pydantic 1: both do
    without where there is nothing to import. FastAPI has forty models for its OpenAPI description, which hardly any run
    of a router makes. Together a tenth of a start, and several megabytes.
    """
    from pydantic import BaseModel

    unused = [name for name in _UNUSED if name not in sys.modules]
    deferred_before = BaseModel.model_config.get("defer_build", False)
    for name in unused:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to forbid an import
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        BaseModel.model_config["defer_build"] = deferred_before
        for name in unused:
            del sys.modules[name]
