"""SGLang: its server page tells the limits, its metrics page (``--enable-metrics``) the load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from llmlb.agent.engines.endpoint import Endpoint
from llmlb.agent.engines.exposition import highest, total_count
from llmlb.agent.engines.reading import (
    EngineReading,
    clean_name,
    context_tokens,
    count,
    largest,
    model_names,
    percent_of_share,
    rows,
)

_SERVER_PAGES = ("/server_info", "/get_server_info")
"""The second is the name of older releases."""


class Sglang:
    """GET /server_info or /get_server_info, /v1/models, /metrics."""

    name: ClassVar[str] = "sglang"

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def recognises(self) -> bool:
        """The server page repeats its start arguments beside its internal states."""
        page = await self._server_page()
        return "internal_states" in page or ("model_path" in page and "version" in page)

    async def probe(self) -> EngineReading:
        """Slots: the most requests that run at once, summed over its data-parallel copies."""
        models = await self.endpoint.json("/v1/models")
        page = await self._server_page()
        metrics = await self.endpoint.optional_text("/metrics")
        served = model_names(models)
        return EngineReading(
            engine=self.name,
            version=clean_name(page.get("version")),
            loaded_models=served,
            available_models=served,
            running=total_count(metrics, "sglang:num_running_reqs"),
            queued=total_count(metrics, "sglang:num_queue_reqs"),
            slots=_slots(page),
            kv_cache_usage=percent_of_share(highest(metrics, "sglang:token_usage")),
            max_context=largest(context_tokens(row.get("max_model_len")) for row in rows(models, "data")),
        )

    async def _server_page(self) -> Mapping[str, object]:
        for path in _SERVER_PAGES:
            page = await self.endpoint.optional_json(path)
            if isinstance(page, dict):
                return page
        return {}


def _slots(page: Mapping[str, object]) -> int | None:
    limits = [count(state.get("effective_max_running_requests_per_dp")) for state in rows(page, "internal_states")]
    known = [limit for limit in limits if limit]
    return sum(known) if known else count(page.get("max_running_requests")) or None
