from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from llmlb.wire.heartbeat import Heartbeat

FULL = {
    "node_id": "node-1",
    "gpu_metrics": {
        "usage": 45.5,
        "vram_usage": 78.2,
        "temperature": 65.0,
        "vram_used_mb": 62000,
        "vram_total_mb": 81559,
    },
    "system_metrics": {"cpu_usage": 30.0, "memory_usage": 50.0},
    "active_requests": 2,
    "loaded_models": ["llama-3.2-1b"],
    "available_models": ["llama-3.2-1b", "qwen3-8b"],
    "capability_score": 8120,
    "queue_depth": 0,
    "kv_cache_usage": 12.5,
    "prefill_tokens_per_second": 4100.5,
    "decode_tokens_per_second": 71.0,
    "max_concurrency": 16,
    "heartbeat_secs": 30,
    "seq": 17,
    "boot_id": "3f2c",
    "leaving": False,
}


def read(**fields: object) -> Heartbeat:
    return Heartbeat.model_validate_json(json.dumps({"node_id": "node-1", **fields}))


def test_a_node_id_alone_is_a_heartbeat() -> None:
    beat = read()
    assert beat.node_id == "node-1"
    assert beat.gpu_metrics is None
    assert beat.loaded_models is None


def test_every_field_of_a_full_heartbeat_is_read() -> None:
    beat = Heartbeat.model_validate_json(json.dumps(FULL))
    assert beat.model_dump(mode="json") == FULL


def test_null_stands_for_no_figures_everywhere() -> None:
    assert read(**dict.fromkeys(set(FULL) - {"node_id"})).active_requests is None
    assert read(gpu_metrics={"usage": None, "vram_usage": None}).gpu_metrics is not None


def test_a_newer_agent_may_send_fields_that_we_do_not_know() -> None:
    assert read(fan_speed=3, gpu_metrics={"usage": 1, "vram_usage": 2, "power_watts": 300}).gpu_metrics is not None


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"gpu_metrics": {"usage": 100.1, "vram_usage": 0}}, ("gpu_metrics", "usage")),
        ({"gpu_metrics": {"usage": 0, "vram_usage": -1}}, ("gpu_metrics", "vram_usage")),
        ({"gpu_metrics": {"usage": 0, "vram_usage": 0, "temperature": 151}}, ("gpu_metrics", "temperature")),
        ({"gpu_metrics": {"usage": 0, "vram_usage": 0, "temperature": -51}}, ("gpu_metrics", "temperature")),
        ({"gpu_metrics": {"usage": 0, "vram_usage": 0, "vram_used_mb": -1}}, ("gpu_metrics", "vram_used_mb")),
        ({"gpu_metrics": [1]}, ("gpu_metrics",)),
        ({"system_metrics": {"cpu_usage": 101}}, ("system_metrics", "cpu_usage")),
        ({"system_metrics": {"memory_usage": "50"}}, ("system_metrics", "memory_usage")),
        ({"active_requests": -1}, ("active_requests",)),
        ({"active_requests": 1.5}, ("active_requests",)),
        ({"active_requests": True}, ("active_requests",)),
        ({"active_requests": 2**53 + 1}, ("active_requests",)),
        ({"kv_cache_usage": 100.5}, ("kv_cache_usage",)),
        ({"capability_score": -1}, ("capability_score",)),
        ({"queue_depth": "0"}, ("queue_depth",)),
        ({"max_concurrency": -1}, ("max_concurrency",)),
        ({"heartbeat_secs": 0}, ("heartbeat_secs",)),
        ({"heartbeat_secs": 61}, ("heartbeat_secs",)),
        ({"seq": -1}, ("seq",)),
        ({"boot_id": "b" * 129}, ("boot_id",)),
        ({"leaving": "yes"}, ("leaving",)),
        ({"loaded_models": "llama"}, ("loaded_models",)),
        ({"loaded_models": [1]}, ("loaded_models", 0)),
        ({"available_models": ["m"] * 1001}, ("available_models",)),
        ({"node_id": "a b"}, ("node_id",)),
        ({"node_id": "n" * 64}, ("node_id",)),
        ({"node_id": 7}, ("node_id",)),
    ],
)
def test_a_value_out_of_range_is_refused_and_its_field_named(fields: dict[str, object], where: tuple[object]) -> None:
    with pytest.raises(ValidationError) as caught:
        read(**fields)
    assert caught.value.errors()[0]["loc"] == where


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    body = f'{{"node_id": "node-1", "gpu_metrics": {{"usage": {number}, "vram_usage": 1}}}}'
    with pytest.raises(ValidationError):
        Heartbeat.model_validate_json(body)


def test_hostile_text_in_any_field_is_cleaned_before_it_is_kept() -> None:
    beat = read(boot_id="b\x1b[2J\u202e", loaded_models=["m\x1b]0;x\x07", "\u2066"], available_models=["\x00a"])
    assert beat.boot_id == "b[2J"
    assert beat.loaded_models == ("m]0;x",)
    assert beat.available_models == ("a",)
