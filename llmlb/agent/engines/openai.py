"""Any other server with OpenAI's model list; its metrics page is read where it speaks a known dialect."""

from __future__ import annotations

from typing import ClassVar

from llmlb.agent.engines.endpoint import Endpoint
from llmlb.agent.engines.exposition import highest, total_count
from llmlb.agent.engines.reading import EngineReading, has_rows, model_names, percent_of_share

_RUNNING = ("vllm:num_requests_running", "sglang:num_running_reqs", "llamacpp:requests_processing")
_QUEUED = ("vllm:num_requests_waiting", "sglang:num_queue_reqs", "llamacpp:requests_deferred")
_CACHE = ("vllm:kv_cache_usage_perc", "sglang:token_usage")


class OpenAi:
    """GET /v1/models, /metrics. What is listed counts as loaded, since nothing says otherwise."""

    name: ClassVar[str] = "openai"

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def recognises(self) -> bool:
        """Raises where the list is refused or late, so that the person reads why and not "no engine"."""
        return has_rows(await self.endpoint.json("/v1/models"), "data")

    async def probe(self) -> EngineReading:
        """Models always; load where the metrics page tells."""
        served = model_names(await self.endpoint.json("/v1/models"))
        metrics = await self.endpoint.optional_text("/metrics")
        return EngineReading(
            engine=self.name,
            loaded_models=served,
            available_models=served,
            running=total_count(metrics, *_RUNNING),
            queued=total_count(metrics, *_QUEUED),
            kv_cache_usage=percent_of_share(highest(metrics, *_CACHE)),
        )
