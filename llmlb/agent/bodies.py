"""The two bodies an agent sends: its registration and its heartbeat. What is unknown is left out, never invented."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from llmlb.agent.engines.reading import EngineReading, clean_name
from llmlb.agent.gpus import GpuReport
from llmlb.agent.host import HostReport
from llmlb.agent.score import Gpu

Body = dict[str, object]

NAMES_BYTES = 26_000
"""For each of the two lists of models: a router takes heartbeats of 64 KiB. It is enough for 1,000 names of 24."""

MAX_GPUS = 64
_MAX_TEXT_CHARS = 128


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What stays the same while the agent runs. node_id: "" leaves the name to the router."""

    url: str
    node_id: str
    machine_name: str
    gpus: tuple[Gpu, ...]
    capability_score: int
    heartbeat_s: float
    agent_version: str
    engine_api_key: str


@dataclass(frozen=True, slots=True)
class Beat:
    """What marks one heartbeat.  seq: counts them in one process.  boot_id: names that process."""

    seq: int
    boot_id: str
    heartbeat_s: float
    leaving: bool = False


def registration(facts: NodeFacts, reading: EngineReading, *, use_engine_slots: bool) -> Body:
    """The body of a registration."""
    return _known(
        {
            "url": facts.url,
            "node_id": facts.node_id or None,
            "machine_name": clean_name(facts.machine_name)[:_MAX_TEXT_CHARS] or None,
            "engine": reading.engine,
            "gpus": [_card(gpu) for gpu in facts.gpus[:MAX_GPUS]],
            "capability_score": facts.capability_score,
            "loaded_models": _fitting(reading.loaded_models),
            "available_models": _fitting(reading.available_models),
            "max_concurrency": reading.slots if use_engine_slots else None,
            "heartbeat_secs": _seconds(facts.heartbeat_s),
            "agent_version": facts.agent_version,
            "api_key": facts.engine_api_key or None,
        }
    )


def heartbeat(
    facts: NodeFacts,
    reading: EngineReading,
    beat: Beat,
    *,
    gpu: GpuReport | None,
    host: HostReport | None,
    use_engine_slots: bool,
) -> Body:
    """The body of a heartbeat.

    ``gpu_metrics`` is null without figures, and ``max_concurrency`` where slots are no limit: else the router kept the
    one that an earlier run told. Other unknown fields are left out.
    """
    fields: Body = {
        "node_id": facts.node_id,
        "system_metrics": _system(host),
        "active_requests": reading.active_requests,
        "loaded_models": _fitting(reading.loaded_models),
        "available_models": _fitting(reading.available_models),
        "capability_score": facts.capability_score,
        "queue_depth": reading.queued,
        "kv_cache_usage": reading.kv_cache_usage,
        "prefill_tokens_per_second": reading.prefill_rate,
        "decode_tokens_per_second": reading.decode_rate,
        "heartbeat_secs": _seconds(beat.heartbeat_s),
        "seq": beat.seq,
        "boot_id": beat.boot_id,
        "leaving": beat.leaving,
    }
    limit = _known({"max_concurrency": reading.slots}) if use_engine_slots else {"max_concurrency": None}
    return _known(fields) | limit | {"gpu_metrics": _gpu(gpu)}


def leaving(node_id: str, beat: Beat) -> Body:
    """The last heartbeat: it says only that the node goes away, so that an old figure does not linger."""
    return {"node_id": node_id, "gpu_metrics": None, "seq": beat.seq, "boot_id": beat.boot_id, "leaving": True}


def _card(gpu: Gpu) -> Body:
    return _known({"model": clean_name(gpu.model)[:_MAX_TEXT_CHARS] or "unknown", "vram_total_mb": gpu.vram_mb})


def _gpu(report: GpuReport | None) -> Body | None:
    if report is None:
        return None
    return _known(
        {
            "usage": report.usage,
            "vram_usage": report.vram_usage,
            "temperature": report.temperature,
            "vram_used_mb": report.vram_used_mb,
            "vram_total_mb": report.vram_total_mb,
        }
    )


def _system(report: HostReport | None) -> Body | None:
    return None if report is None else {"cpu_usage": report.cpu_usage, "memory_usage": report.memory_usage}


def _seconds(interval_s: float) -> float | int:
    """30, not 30.0: what a person reads in a log."""
    return int(interval_s) if interval_s == int(interval_s) else interval_s


def _fitting(names: Sequence[str]) -> list[str]:
    """The first names that fit; one that does not would cost the node its whole heartbeat."""
    fitting, used_bytes = [], 0
    for name in names:
        used_bytes += len(json.dumps(name)) + 1
        if used_bytes > NAMES_BYTES:
            break
        fitting.append(name)
    return fitting


def _known(fields: Body) -> Body:
    return {name: value for name, value in fields.items() if value is not None}
