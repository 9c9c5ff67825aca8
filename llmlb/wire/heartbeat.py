"""The heartbeat of a node."""

from __future__ import annotations

from pydantic import BaseModel

from llmlb.wire.fields import (
    FROM_NODE,
    TO_CLIENT,
    Celsius,
    Count,
    HeartbeatSeconds,
    ModelNames,
    NodeIdText,
    Percent,
    ShortText,
    TokenRate,
)


class GpuMetrics(BaseModel):
    """Measurements over all GPUs of a node: percent, degrees Celsius of the hottest, megabytes."""

    model_config = FROM_NODE

    usage: Percent | None = None
    vram_usage: Percent | None = None
    temperature: Celsius | None = None
    vram_used_mb: Count | None = None
    vram_total_mb: Count | None = None


class SystemMetrics(BaseModel):
    """Measurements of a node's machine, percent."""

    model_config = FROM_NODE

    cpu_usage: Percent | None = None
    memory_usage: Percent | None = None


class Heartbeat(BaseModel):
    """What a node says every ``heartbeat_secs``. Only ``node_id`` is required; null means that nothing was measured.

    prefill_tokens_per_second, decode_tokens_per_second: of one request, from the engine's own counters.
    max_concurrency: null says that there is no limit; left out, the one told before stands.
    """

    model_config = FROM_NODE | {
        "json_schema_extra": {
            "examples": [
                {
                    "node_id": "node-1",
                    "gpu_metrics": {"usage": 45.5, "vram_usage": 78.2, "temperature": 65.0},
                    "system_metrics": {"cpu_usage": 30.0, "memory_usage": 50.0},
                    "active_requests": 2,
                    "loaded_models": ["llama-3.2-1b"],
                }
            ]
        }
    }

    node_id: NodeIdText
    gpu_metrics: GpuMetrics | None = None
    system_metrics: SystemMetrics | None = None
    active_requests: Count | None = None
    loaded_models: ModelNames | None = None
    available_models: ModelNames | None = None
    capability_score: Count | None = None
    queue_depth: Count | None = None
    kv_cache_usage: Percent | None = None
    prefill_tokens_per_second: TokenRate | None = None
    decode_tokens_per_second: TokenRate | None = None
    max_concurrency: Count | None = None
    heartbeat_secs: HeartbeatSeconds | None = None
    seq: Count | None = None
    boot_id: ShortText | None = None
    leaving: bool | None = None


class HeartbeatReply(BaseModel):
    """The answer to an accepted heartbeat. server_time: seconds since 1970."""

    model_config = TO_CLIENT

    status: str = "ok"
    server_time: int
    state: str
    draining: bool
    heartbeat_secs: float
