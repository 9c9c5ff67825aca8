"""vLLM: what it serves is what is loaded; its metrics page tells running, waiting and cache."""

from __future__ import annotations

from typing import ClassVar

from llmlb.agent.engines.endpoint import Endpoint
from llmlb.agent.engines.exposition import highest, token_rate, total_count
from llmlb.agent.engines.reading import (
    EngineReading,
    clean_name,
    context_tokens,
    largest,
    model_names,
    percent_of_share,
    rows,
)


class Vllm:
    """GET /version, /v1/models, /metrics. It does not tell ``--max-num-seqs``, so slots stay unknown."""

    name: ClassVar[str] = "vllm"

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def recognises(self) -> bool:
        """/version alone is too common a path; the model list says who owns the models."""
        if not await self._version():
            return False
        models = await self.endpoint.optional_json("/v1/models")
        if any(row.get("owned_by") == "vllm" for row in rows(models, "data")):
            return True
        return "vllm:" in await self.endpoint.optional_text("/metrics")

    async def probe(self) -> EngineReading:
        """Served models, LoRA adapters among them, are all loaded."""
        models = await self.endpoint.json("/v1/models")
        metrics = await self.endpoint.optional_text("/metrics")
        served = model_names(models)
        return EngineReading(
            engine=self.name,
            version=await self._version(),
            loaded_models=served,
            available_models=served,
            running=total_count(metrics, "vllm:num_requests_running"),
            queued=total_count(metrics, "vllm:num_requests_waiting"),
            # The second name is that of releases before 0.10.
            kv_cache_usage=percent_of_share(highest(metrics, "vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")),
            prefill_rate=token_rate(
                metrics,
                "vllm:prompt_tokens_total",
                "vllm:request_prefill_time_seconds_sum",
                less="vllm:prefix_cache_hits_total",
            ),
            decode_rate=token_rate(metrics, "vllm:generation_tokens_total", "vllm:request_decode_time_seconds_sum"),
            max_context=largest(context_tokens(row.get("max_model_len")) for row in rows(models, "data")),
        )

    async def _version(self) -> str:
        answer = await self.endpoint.optional_json("/version")
        return clean_name(answer.get("version")) if isinstance(answer, dict) else ""
