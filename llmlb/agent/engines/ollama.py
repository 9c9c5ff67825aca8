"""Ollama: what is on disk, and what is in memory. It tells neither running nor queued requests."""

from __future__ import annotations

from typing import ClassVar

from llmlb.agent.engines.endpoint import Endpoint
from llmlb.agent.engines.reading import (
    EngineReading,
    clean_name,
    clean_names,
    context_tokens,
    has_rows,
    largest,
    rows,
)


class Ollama:
    """GET /api/version, /api/tags (on disk), /api/ps (in memory)."""

    name: ClassVar[str] = "ollama"

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def recognises(self) -> bool:
        """Both of its lists: llama.cpp imitates /api/tags, which alone would not tell them apart."""
        return bool(await self._version()) and has_rows(await self.endpoint.optional_json("/api/ps"), "models")

    async def probe(self) -> EngineReading:
        """Models by both lists; the context is the largest that a loaded model was given."""
        on_disk = await self.endpoint.json("/api/tags")
        in_memory = await self.endpoint.json("/api/ps")
        return EngineReading(
            engine=self.name,
            version=await self._version(),
            loaded_models=clean_names(row.get("name") for row in rows(in_memory, "models")),
            available_models=clean_names(row.get("name") for row in rows(on_disk, "models")),
            max_context=largest(context_tokens(row.get("context_length")) for row in rows(in_memory, "models")),
        )

    async def _version(self) -> str:
        answer = await self.endpoint.optional_json("/api/version")
        return clean_name(answer.get("version")) if isinstance(answer, dict) else ""
