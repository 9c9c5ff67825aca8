"""Metrics of the process itself: memory, CPU, open files, garbage collection, Python version."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest

PROCESS_AGE_S = 1.0


class ProcessMetrics:
    """Their text, read from the system at most once a second: several scrapers cost no more than one."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._text = ""
        self._read_at_s = float("-inf")

    def text(self, now_s: float) -> str:
        if now_s - self._read_at_s >= PROCESS_AGE_S:
            self._text = generate_latest(self._registry).decode()
            self._read_at_s = now_s
        return self._text
