"""Results kept for later comparison: files, or names in the user's state directory."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from llmlb.config.paths import state_dir
from llmlb.errors import ConfigurationError
from llmlb.loadtest.compare import METRICS, Run
from llmlb.loadtest.percentiles import Sample
from llmlb.loadtest.plan import Plan
from llmlb.loadtest.report.configuration import settings
from llmlb.loadtest.report.document import KIND, SCHEMA_VERSION
from llmlb.loadtest.text import plain

MAX_FILE_BYTES = 512 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LIKE = (
    "load", "prompts", "model", "endpoint", "streamed", "max_tokens", "ignore_eos", "warm_up", "cancel_share",
    "tenants",
)  # fmt: skip
"""Settings that must be alike for two runs to be comparable; target, seed and objectives may differ."""

_ABSENT: Mapping[str, object] = {"tenants": {}}
"""What a file of an earlier version means by leaving a setting out."""


def path_of(name: str) -> Path:
    """``base`` lies in the state directory; anything with a slash or ending in ``.json`` is a file of its own."""
    if "/" in name or os.sep in name or name.endswith(".json"):
        return Path(name)
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no name for a saved run; use letters, digits, dots and dashes")
    return state_dir() / "loadtest" / f"{name}.json"


def save(name: str, text: str) -> Path:
    """Writes a result whole or not at all. Raises ConfigurationError naming the file."""
    path = path_of(name)
    write_file(path, text)
    return path


def write_file(path: Path, text: str) -> None:
    """Replaces a file, creating its directory. Raises ConfigurationError naming it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise ConfigurationError(f"cannot write {path}: {error.strerror or error}") from None


def load(name: str) -> Run:
    """Reads a saved run. Raises ConfigurationError naming the file and what is wrong with it."""
    path = path_of(name)
    document = _document(path)
    if document.get("kind") != KIND or document.get("schema_version") != SCHEMA_VERSION:
        raise ConfigurationError(f"{path} is no load test result of version {SCHEMA_VERSION}; make one with --save")
    try:
        return _run(name, document)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path} is damaged: {plain(str(error))}") from None


def run_of(name: str, document: Mapping[str, object]) -> Run:
    """A result that was not saved, as a side of a comparison."""
    return _run(name, document)


def unlike_plan(plan: Plan, before: Run) -> tuple[str, ...]:
    """The settings in which a saved run differs from a plan, as far as it tells them before it is run."""
    planned = settings(plan)
    return tuple(name for name in _LIKE if name in planned and planned[name] != before.config.get(name))


def _document(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigurationError(f"{path} is larger than any load test result")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror or error}; save one with --save") from None
    except (ValueError, RecursionError):
        raise ConfigurationError(f"{path} is not JSON") from None
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path} is no load test result")
    return value


def _run(name: str, document: Mapping[str, object]) -> Run:
    totals, config, samples = (_object(document, field) for field in ("totals", "config", "samples"))
    nodes = document["nodes"]
    if not isinstance(nodes, list):
        raise TypeError("nodes is no list")
    return Run(
        name=plain(name),
        samples={metric: _sample(_object(samples, metric)) for metric in METRICS},
        scheduled=_count(totals["scheduled"]),
        failed=_count(totals["failed"]),
        config={field: config.get(field, _ABSENT.get(field)) for field in _LIKE},
        nodes=tuple(plain(str(node["node"])) for node in nodes),
    )


def _object(document: Mapping[str, object], field: str) -> Mapping[str, object]:
    value = document[field]
    if not isinstance(value, dict):
        raise TypeError(f"{field} is no object")
    return value


def _sample(value: Mapping[str, object]) -> Sample:
    values = value["values"]
    if not isinstance(values, list) or not all(isinstance(each, int | float) for each in values):
        raise TypeError("a sample is no list of numbers")
    return Sample((float(each) for each in values), failures=_count(value["failures"]))


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 40:
        raise TypeError(f"{value!r} is no count")
    return value
