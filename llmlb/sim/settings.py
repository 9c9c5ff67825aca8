"""How a simulated engine behaves: its models, its speed, its memory and its planned faults."""

from __future__ import annotations

from dataclasses import dataclass

from llmlb.errors import ConfigurationError
from llmlb.sim.faults import Fault

BLOCK_TOKENS = 512
"""Tokens of one block of the prefix cache."""


@dataclass(frozen=True, slots=True)
class SimSettings:
    """One simulated engine. The defaults are a mid-range GPU with an 8B model.

    port: 0 lets the system choose.  slots: requests that run at once; the others wait.
    prefill_tokens_per_s: prompt tokens read per second, shared by all requests, cached prefixes excepted.
    decode_tokens_per_s: of one stream alone; ``inf`` is allowed.  batch_cost: each further stream makes
    a decoding step longer by this share, so a step takes t0 + t1 * streams.
    cache_blocks: blocks of 512 tokens that the KV cache holds; 0 switches the prefix cache off.
    load_s: seconds until a model that is not in memory can answer; all are cold at the start.
    max_loaded_models: models that fit in memory, the least recently used goes; 0 means all of them.
    answer_tokens: mean length of an answer that nothing cuts short.  context_tokens: longer requests get 400.
    api_key: demanded as ``Authorization: Bearer`` on ``/v1``, unless empty.
    early_head: streams send their HTTP head at once, as llama.cpp does, not with the first token, as vLLM does.
    Raises ConfigurationError when a value is out of range.
    """

    models: tuple[str, ...] = ("sim-model",)
    host: str = "127.0.0.1"
    port: int = 0
    slots: int = 8
    prefill_tokens_per_s: float = 8000.0
    decode_tokens_per_s: float = 100.0
    batch_cost: float = 0.02
    cache_blocks: int = 256
    load_s: float = 0.0
    max_loaded_models: int = 0
    answer_tokens: int = 48
    context_tokens: int = 131_072
    embedding_dimensions: int = 64
    seed: int = 0
    faults: tuple[Fault, ...] = ()
    log_heads: bool = False
    early_head: bool = False
    accept_any_model: bool = False
    api_key: str = ""
    keep_alive_s: float = 5.0

    def __post_init__(self) -> None:
        checks = (
            ("models", bool(self.models) and all(self.models), "at least one name"),
            ("port", 0 <= self.port <= 65535, "0..65535"),
            ("slots", self.slots >= 1, "1 or more"),
            ("prefill_tokens_per_s", self.prefill_tokens_per_s > 0, "more than 0"),
            ("decode_tokens_per_s", self.decode_tokens_per_s > 0, "more than 0"),
            ("batch_cost", self.batch_cost >= 0, "0 or more"),
            ("cache_blocks", self.cache_blocks >= 0, "0 or more"),
            ("load_s", self.load_s >= 0, "0 or more"),
            ("max_loaded_models", self.max_loaded_models >= 0, "0 or more"),
            ("answer_tokens", 1 <= self.answer_tokens <= 100_000, "1..100000"),
            ("context_tokens", self.context_tokens >= 16, "16 or more"),
            ("embedding_dimensions", 1 <= self.embedding_dimensions <= 16_384, "1..16384"),
            ("keep_alive_s", self.keep_alive_s > 0, "more than 0"),
        )
        for name, is_valid, allowed in checks:
            if not is_valid:
                raise ConfigurationError(
                    f"The simulated engine's {name} is {getattr(self, name)!r}; allowed: {allowed}."
                )
