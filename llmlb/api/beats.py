"""From what a node sends to what the core understands."""

from __future__ import annotations

from llmlb.api.answers import ApiRefusal
from llmlb.core.node import Beat, Figures
from llmlb.wire.heartbeat import GpuMetrics, Heartbeat
from llmlb.wire.registration import Registration

SHORTEST_INTERVAL_S = 10.0
"""Below it only with --dev: a fleet of 1,000 nodes beating every second would be a load of its own."""


def beat_of(message: Heartbeat) -> Beat:
    """A heartbeat as the core takes it."""
    system = message.system_metrics
    return Beat(
        figures=figures_of(message.gpu_metrics),
        cpu_percent=None if system is None else system.cpu_usage,
        memory_percent=None if system is None else system.memory_usage,
        active_requests=message.active_requests or 0,
        loaded_models=message.loaded_models,
        available_models=message.available_models,
        capability_score=message.capability_score,
        queue_depth=message.queue_depth,
        kv_cache_percent=message.kv_cache_usage,
        prefill_rate=message.prefill_tokens_per_second,
        decode_rate=message.decode_tokens_per_second,
        max_concurrency=message.max_concurrency,
        is_unlimited=message.max_concurrency is None and "max_concurrency" in message.model_fields_set,
        interval_s=message.heartbeat_secs,
        seq=message.seq,
        boot_id=message.boot_id or "",
        leaving=bool(message.leaving),
    )


def first_words(message: Registration) -> Beat:
    """What a registration says of a node's abilities. It is no heartbeat: it measures nothing."""
    return Beat(
        loaded_models=message.loaded_models,
        available_models=message.available_models,
        capability_score=message.capability_score,
        max_concurrency=message.max_concurrency,
        interval_s=message.heartbeat_secs,
    )


def figures_of(metrics: GpuMetrics | None) -> Figures | None:
    """The measurements, None where nothing was measured. VRAM use is worked out from megabytes if need be."""
    if metrics is None:
        return None
    used_mb, total_mb = metrics.vram_used_mb, metrics.vram_total_mb
    vram_percent = metrics.vram_usage
    if vram_percent is None and used_mb is not None and total_mb:
        vram_percent = min(100.0, 100.0 * used_mb / total_mb)
    figures = Figures(metrics.usage, vram_percent, metrics.temperature, used_mb, total_mb)
    return None if figures == Figures() else figures


def check_interval(interval_s: float | None, *, dev: bool) -> None:
    """Refuses a heartbeat interval that is too short outside --dev."""
    if interval_s is not None and interval_s < SHORTEST_INTERVAL_S and not dev:
        message = (
            f"The field heartbeat_secs must be {SHORTEST_INTERVAL_S:g} to 60. Set XLLM_HEARTBEAT_SECS within that "
            "range; shorter intervals need llmlb serve --dev."
        )
        raise ApiRefusal(422, "invalid_value", message, param="heartbeat_secs")
