"""What each engine answers, in the shape of its own replies; long ones are cut to what differs."""

from __future__ import annotations

VLLM = {
    "/version": {"version": "0.11.0"},
    "/v1/models": {
        "object": "list",
        "data": [
            {
                "id": "Qwen/Qwen3-8B",
                "object": "model",
                "created": 1761000000,
                "owned_by": "vllm",
                "root": "Qwen/Qwen3-8B",
                "parent": None,
                "max_model_len": 40960,
            },
            {
                "id": "sql-adapter",
                "object": "model",
                "owned_by": "vllm",
                "parent": "Qwen/Qwen3-8B",
                "max_model_len": None,
            },
        ],
    },
    "/metrics": """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="Qwen/Qwen3-8B"} 5.0
vllm:num_requests_running{engine="1",model_name="Qwen/Qwen3-8B"} 2.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="Qwen/Qwen3-8B"} 3.0
vllm:num_requests_waiting{engine="1",model_name="Qwen/Qwen3-8B"} 0.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 3.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="Qwen/Qwen3-8B"} 0.125
vllm:kv_cache_usage_perc{engine="1",model_name="Qwen/Qwen3-8B"} 0.5
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="Qwen/Qwen3-8B"} 50000.0
vllm:prompt_tokens_total{engine="1",model_name="Qwen/Qwen3-8B"} 30000.0
# TYPE vllm:prefix_cache_hits_total counter
vllm:prefix_cache_hits_total{engine="0",model_name="Qwen/Qwen3-8B"} 20000.0
vllm:prefix_cache_hits_total{engine="1",model_name="Qwen/Qwen3-8B"} 12000.0
# TYPE vllm:request_prefill_time_seconds histogram
vllm:request_prefill_time_seconds_sum{engine="0",model_name="Qwen/Qwen3-8B"} 7.0
vllm:request_prefill_time_seconds_sum{engine="1",model_name="Qwen/Qwen3-8B"} 5.0
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="Qwen/Qwen3-8B"} 9000.0
vllm:generation_tokens_total{engine="1",model_name="Qwen/Qwen3-8B"} 6000.0
# TYPE vllm:request_decode_time_seconds histogram
vllm:request_decode_time_seconds_sum{engine="0",model_name="Qwen/Qwen3-8B"} 120.0
vllm:request_decode_time_seconds_sum{engine="1",model_name="Qwen/Qwen3-8B"} 80.0
""",
}

LLAMACPP = {
    "/": "<!doctype html><html></html>",
    "/health": {"status": "ok"},
    "/v1/models": {
        "models": [{"name": "tiny", "model": "tiny", "details": {"format": "gguf"}}],
        "object": "list",
        "data": [
            {
                "id": "tiny",
                "object": "model",
                "owned_by": "llamacpp",
                "meta": {"n_ctx_train": 2048, "n_params": 1500000, "size": 3100000},
            }
        ],
    },
    "/props": {
        "default_generation_settings": {"n_ctx": 2048, "params": {}},
        "total_slots": 4,
        "model_path": "/models/tiny.gguf",
        "build_info": "b11669-1a2b3c4d",
    },
    "/slots": [
        {"id": 0, "n_ctx": 2048, "is_processing": True},
        {"id": 1, "n_ctx": 2048, "is_processing": False},
        {"id": 2, "n_ctx": 2048, "is_processing": True},
        {"id": 3, "n_ctx": 2048, "is_processing": False},
    ],
    "/metrics": """\
# HELP llamacpp:requests_processing Number of requests processing.
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 4
# HELP llamacpp:requests_deferred Number of requests deferred.
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 8
""",
    "/api/tags": {"models": [{"name": "tiny"}]},
}

LMSTUDIO = {
    "/api/v0/models": {
        "object": "list",
        "data": [
            {"id": "qwen2-vl-7b-instruct", "type": "vlm", "state": "not-loaded", "max_context_length": 32768},
            {
                "id": "meta-llama-3.1-8b-instruct",
                "type": "llm",
                "state": "loaded",
                "max_context_length": 131072,
                "loaded_context_length": 8192,
            },
            {"id": "text-embedding-nomic", "type": "embeddings", "state": "not-loaded", "max_context_length": 2048},
        ],
    },
    "/v1/models": {"object": "list", "data": [{"id": "meta-llama-3.1-8b-instruct", "object": "model"}]},
}
LMSTUDIO_MISSING = {"error": "Unexpected endpoint or method. (GET /version)"}

SGLANG = {
    "/server_info": {
        "model_path": "Qwen/Qwen3-8B",
        "tokenizer_path": "Qwen/Qwen3-8B",
        "max_running_requests": None,
        "internal_states": [
            {"last_gen_throughput": 129.3, "effective_max_running_requests_per_dp": 128},
            {"last_gen_throughput": 101.0, "effective_max_running_requests_per_dp": 128},
        ],
        "version": "0.5.5",
    },
    "/v1/models": {
        "object": "list",
        "data": [{"id": "Qwen/Qwen3-8B", "object": "model", "owned_by": "sglang", "max_model_len": 40960}],
    },
    "/metrics": """\
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{engine_type="unified",model_name="Qwen/Qwen3-8B",pp_rank="0",tp_rank="0"} 6.0
sglang:num_running_reqs{engine_type="unified",model_name="Qwen/Qwen3-8B",pp_rank="0",tp_rank="1"} 6.0
# TYPE sglang:num_queue_reqs gauge
sglang:num_queue_reqs{engine_type="unified",model_name="Qwen/Qwen3-8B",pp_rank="0",tp_rank="0"} 1.0
# TYPE sglang:token_usage gauge
sglang:token_usage{engine_type="unified",model_name="Qwen/Qwen3-8B",pp_rank="0",tp_rank="0"} 0.28
""",
    "/api/tags": {"models": []},
    "/api/version": {"version": "0.5.5"},
}

OLLAMA = {
    "/": "Ollama is running",
    "/api/version": {"version": "0.12.6"},
    "/api/tags": {
        "models": [
            {"name": "llama3.2:1b", "model": "llama3.2:1b", "size": 1321098329, "digest": "baf6a787fdff"},
            {"name": "qwen3:8b", "model": "qwen3:8b", "size": 5225388164, "digest": "500a1f067a9f"},
        ]
    },
    "/api/ps": {
        "models": [
            {
                "name": "llama3.2:1b",
                "model": "llama3.2:1b",
                "size": 2600000000,
                "expires_at": "2026-01-31T12:05:00+09:00",
                "size_vram": 2600000000,
                "context_length": 4096,
            }
        ]
    },
    "/v1/models": {"object": "list", "data": [{"id": "llama3.2:1b", "object": "model", "owned_by": "library"}]},
}

GENERIC = {
    "/v1/models": {"object": "list", "data": [{"id": "some-model", "object": "model"}]},
    "/metrics": "vllm:num_requests_running 2\nvllm:num_requests_waiting 1\nvllm:kv_cache_usage_perc 0.1\n",
}
