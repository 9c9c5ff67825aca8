"""The repository's own rules about its code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("llmlb", "cli", "tui") for path in (ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_clock_reads_a_clock(path: Path) -> None:
    if path.name != "clock.py":
        assert "time" not in set(imports(path))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_left_unfinished(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)
    assert "raise NotImplementedError" not in text


def test_core_and_policies_have_no_coroutines() -> None:
    """A mutation that awaits is no longer atomic."""
    for path in SOURCES:
        if path.is_relative_to(ROOT / "llmlb" / "core") or path.is_relative_to(ROOT / "llmlb" / "policies"):
            asynchronous = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
            assert not any(isinstance(node, asynchronous) for node in ast.walk(ast.parse(path.read_text()))), path


def test_lock_files_carry_no_addresses() -> None:
    assert "://" not in (ROOT / "constraints.txt").read_text()
