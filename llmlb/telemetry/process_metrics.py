"""Metrics of the process itself: memory, CPU, open files, garbage collection, Python version."""

from __future__ import annotations

from collections.abc import Callable

PROCESS_AGE_S = 1.0


class ProcessMetrics:
    """Their text, read from the system at most once a second: several scrapers cost no more than one."""

    def __init__(self) -> None:
        self._generate: Callable[[], bytes] | None = None
        self._text = ""
        self._read_at_s = float("-inf")

    def text(self, now_s: float) -> str:
        if now_s - self._read_at_s >= PROCESS_AGE_S:
            self._generate = self._generate or _generator()
            self._text = self._generate().decode()
            self._read_at_s = now_s
        return self._text


def _generator() -> Callable[[], bytes]:
    # Not before somebody scrapes: with the library come an HTTP server and some megabytes.
    from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return lambda: generate_latest(registry)
