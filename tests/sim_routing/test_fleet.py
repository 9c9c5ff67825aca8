"""The benchmark of a large fleet keeps going where an agent would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import fleet
from benchmarks.fleet import BUSY_TRIES, FleetRouter


@pytest.fixture
def router(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FleetRouter:
    monkeypatch.setattr(fleet, "BUSY_PAUSE_S", 0.0)
    router = FleetRouter(tmp_path)
    router.operator = {}
    return router


def test_a_store_that_is_busy_for_a_moment_does_not_end_the_benchmark(
    router: FleetRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def call(method: str, path: str, body: Any, headers: dict[str, str] | None = None) -> dict[str, str]:
        asked.append(path)
        if len(asked) in (1, 3):
            raise RuntimeError(f"{method} {path}: 503 store_busy")
        return {"node_id": body["node_id"], "node_token": "t"} if body else {}

    monkeypatch.setattr(router, "_call", call)
    assert router.join(7) == ("node-7-2", "t")


@pytest.mark.parametrize(("status", "tries"), [(503, BUSY_TRIES), (409, 1)])
def test_what_lasts_ends_the_benchmark(
    router: FleetRouter, monkeypatch: pytest.MonkeyPatch, status: int, tries: int
) -> None:
    asked: list[str] = []

    def call(method: str, path: str, body: object, headers: dict[str, str] | None = None) -> dict[str, str]:
        asked.append(path)
        raise RuntimeError(f"{method} {path}: {status} no")

    monkeypatch.setattr(router, "_call", call)
    with pytest.raises(RuntimeError, match=str(status)):
        router.join(7)
    assert len(asked) == tries
