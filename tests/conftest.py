"""Fixtures that many packages share: a real model and real engines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from fakes.llama import LlamaServer

# How long an example takes says something about the machine and nothing about the code.
settings.register_profile("llmlb", deadline=None)
settings.load_profile("llmlb")


@pytest.fixture(scope="session")
def llama_model() -> Path:
    """A tiny real model file. Built once per machine and recipe, in the user's cache."""
    pytest.importorskip("xllamacpp", reason="needs the engine: pip install 'llmlb[engines]'")
    from fakes.gguf_model import ModelRecipe, cached_model
    from platformdirs import user_cache_path

    return cached_model(ModelRecipe(), user_cache_path("llmlb-tests"))


@pytest.fixture
def llama_servers(llama_model: Path) -> Iterator[Callable[..., LlamaServer]]:
    """Starts real llama.cpp servers, with the options of ``LlamaServer``; all end with the test."""
    from fakes.llama import LlamaServer

    with contextlib.ExitStack() as servers:

        def start(alias: str = "tiny", *, slots: int = 4, context: int = 2048, embeddings: bool = False) -> LlamaServer:
            server = LlamaServer(llama_model, alias, slots=slots, context=context, embeddings=embeddings)
            return servers.enter_context(server)

        yield start
