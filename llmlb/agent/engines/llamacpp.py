"""llama.cpp's server: slots, and a metrics page where it was started with ``--metrics``."""

from __future__ import annotations

from typing import ClassVar

from llmlb.agent.engines.endpoint import Endpoint
from llmlb.agent.engines.exposition import highest, token_rate, total_count
from llmlb.agent.engines.reading import (
    EngineReading,
    child,
    clean_name,
    clean_names,
    context_tokens,
    count,
    model_names,
    percent_of_share,
    rows,
)


class LlamaCpp:
    """GET /health, /v1/models, /props, /metrics, and /slots where there is no metrics page."""

    name: ClassVar[str] = "llamacpp"

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def recognises(self) -> bool:
        """``total_slots`` is its word for parallel requests; the model list names it as owner as well."""
        props = await self.endpoint.optional_json("/props")
        if isinstance(props, dict) and count(props.get("total_slots")) is not None:
            return True
        models = await self.endpoint.optional_json("/v1/models")
        return any(row.get("owned_by") == "llamacpp" for row in rows(models, "data"))

    async def probe(self) -> EngineReading:
        """Raises EngineRefused with status 503 while the model is loading: it would answer no request."""
        await self.endpoint.json("/health")
        models = await self.endpoint.json("/v1/models")
        props = await self.endpoint.optional_json("/props")
        settings = props if isinstance(props, dict) else {}
        metrics = await self.endpoint.optional_text("/metrics")
        running = total_count(metrics, "llamacpp:requests_processing")
        if running is None:
            running = await self._busy_slots()
        return EngineReading(
            engine=self.name,
            version=clean_name(settings.get("build_info")),
            loaded_models=_loaded(models),
            available_models=model_names(models),
            running=running,
            queued=total_count(metrics, "llamacpp:requests_deferred"),
            slots=count(settings.get("total_slots")) or None,
            kv_cache_usage=percent_of_share(highest(metrics, "llamacpp:kv_cache_usage_ratio")),
            prefill_rate=token_rate(metrics, "llamacpp:prompt_tokens_total", "llamacpp:prompt_seconds_total"),
            decode_rate=token_rate(
                metrics, "llamacpp:tokens_predicted_total", "llamacpp:tokens_predicted_seconds_total"
            ),
            max_context=context_tokens(child(settings, "default_generation_settings").get("n_ctx")),
        )

    async def _busy_slots(self) -> int | None:
        slots = await self.endpoint.optional_json("/slots")
        states = (
            [slot.get("is_processing") for slot in slots if isinstance(slot, dict)] if isinstance(slots, list) else []
        )
        return sum(state is True for state in states) if states else None


def _loaded(models: object) -> tuple[str, ...]:
    """With several models behind one server each row carries its status; else the one model is loaded."""
    return clean_names(
        row.get("id")
        for row in rows(models, "data")
        if "status" not in row or child(row, "status").get("value") == "loaded"
    )
