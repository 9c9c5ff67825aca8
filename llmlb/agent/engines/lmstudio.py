"""LM Studio: models with their state, through its own list. It does not tell requests."""

from __future__ import annotations

from typing import ClassVar

from llmlb.agent.engines.endpoint import Endpoint
from llmlb.agent.engines.reading import EngineReading, clean_names, context_tokens, has_rows, largest, rows


class LmStudio:
    """GET /api/v0/models. For an unknown path it answers 200 with an error object, so shapes decide."""

    name: ClassVar[str] = "lmstudio"

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def recognises(self) -> bool:
        """Its list, which no other engine has."""
        return has_rows(await self.endpoint.optional_json("/api/v0/models"), "data")

    async def probe(self) -> EngineReading:
        """The context is the one a loaded model was given, else the largest it could have."""
        models = list(rows(await self.endpoint.json("/api/v0/models"), "data"))
        loaded = [row for row in models if row.get("state") == "loaded"]
        return EngineReading(
            engine=self.name,
            loaded_models=clean_names(row.get("id") for row in loaded),
            available_models=clean_names(row.get("id") for row in models),
            max_context=largest(
                context_tokens(row.get("loaded_context_length")) or context_tokens(row.get("max_context_length"))
                for row in loaded
            ),
        )
