"""The engine's Prometheus text, under the names that vLLM uses."""

from __future__ import annotations

from llmlb.sim.engine import Engine


def metrics_text(engine: Engine) -> bytes:
    """Gauges of the load and counters of the work. kv_cache_usage_perc is a share, 0..1, as vLLM's is."""
    counters = engine.counters
    label = f'{{engine="0",model_name="{_escaped(engine.settings.models[0])}"}}'
    rows = (
        ("gauge", "num_requests_running", engine.running),
        ("gauge", "num_requests_waiting", engine.waiting),
        ("gauge", "kv_cache_usage_perc", round(engine.kv_cache_usage, 6)),
        ("counter", "prompt_tokens_total", counters.prompt_tokens),
        ("counter", "generation_tokens_total", counters.generated_tokens),
        ("counter", "prefix_cache_queries_total", counters.prompt_tokens),
        ("counter", "prefix_cache_hits_total", counters.cached_tokens),
        ("counter", "request_prefill_time_seconds_sum", round(counters.prefill_s, 6)),
        ("counter", "request_decode_time_seconds_sum", round(counters.decode_s, 6)),
    )
    lines: list[str] = []
    for kind, name, value in rows:
        lines += [f"# TYPE vllm:{name} {kind}", f"vllm:{name}{label} {value}"]
    lines.append("# TYPE vllm:request_success_total counter")
    for reason, count in (
        ("stop", counters.stopped),
        ("length", counters.cut_short),
        ("abort", counters.aborted),
    ):
        lines.append(f'vllm:request_success_total{label[:-1]},finished_reason="{reason}"}} {count}')
    return ("\n".join(lines) + "\n").encode()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
