"""Engine probes: which engine answers at a URL, which models it has and how busy it is.

One file per engine and one line in ENGINES. A probe keeps no state of the agent's: the router uses the same
ones for nodes that have no agent. The HTTP client is the caller's; it should be made with ``trust_env=False``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

import httpx

from llmlb.agent.engines.endpoint import PROBE_TIMEOUT_S, Endpoint, EngineSilent, EngineUnreachable
from llmlb.agent.engines.llamacpp import LlamaCpp
from llmlb.agent.engines.lmstudio import LmStudio
from llmlb.agent.engines.ollama import Ollama
from llmlb.agent.engines.openai import OpenAi
from llmlb.agent.engines.reading import EngineReading
from llmlb.agent.engines.sglang import Sglang
from llmlb.agent.engines.vllm import Vllm
from llmlb.errors import ConfigurationError, EngineError

__all__ = ["ENGINES", "Engine", "EngineReading", "detect", "engine_named"]


class Engine(Protocol):
    """One kind of engine at one address."""

    name: ClassVar[str]
    endpoint: Endpoint

    def __init__(self, endpoint: Endpoint) -> None: ...

    async def recognises(self) -> bool:
        """Whether what answers there is this kind of engine; an unreachable address raises."""
        ...

    async def probe(self) -> EngineReading:
        """Models and load, now; raises EngineError where the engine cannot serve."""
        ...


ENGINES: Sequence[type[Engine]] = (Vllm, LlamaCpp, LmStudio, Sglang, Ollama, OpenAi)
"""In the order of asking: what several servers imitate, Ollama's API, after the ones with paths of their own; last
the one that accepts every OpenAI-compatible server."""


async def detect(http: httpx.AsyncClient, url: str, *, api_key: str = "", timeout_s: float = PROBE_TIMEOUT_S) -> Engine:
    """Find out which engine answers at ``url``.

    Raises EngineUnreachable (nothing there), EngineSilent (no answer in time), or EngineError whose message
    says why it is not usable: it demands a key, it is still loading, or it is not an engine at all.
    """
    endpoint = Endpoint(http, url, api_key=api_key, timeout_s=timeout_s)
    if "llmlb top" in await _front_page(endpoint):
        raise EngineError(f"what answers at {endpoint.url} is an llmlb router, not an engine")
    for kind in ENGINES:
        engine = kind(endpoint)
        if await engine.recognises():
            return engine
    raise EngineError(f"what answers at {endpoint.url} is not an OpenAI-compatible engine: it has no /v1/models")


def engine_named(name: str, endpoint: Endpoint) -> Engine:
    """The probe of one kind of engine, without asking the address; raises ConfigurationError for no such kind."""
    for kind in ENGINES:
        if kind.name == name:
            return kind(endpoint)
    known = ", ".join(kind.name for kind in ENGINES)
    raise ConfigurationError(f"there is no engine kind {name!r}; known are {known}")


async def _front_page(endpoint: Endpoint) -> str:
    """The first question: an address that is dead or hangs is reported now, not after a dozen more."""
    try:
        return await endpoint.text("/")
    except (EngineUnreachable, EngineSilent):
        raise
    except EngineError:
        return ""
