"""``/metrics``: the router's metrics as Prometheus text, version 0.0.4.

A fleet of 1,000 nodes makes 25,000 lines and more, rendered on the event loop between two chunks of somebody's stream.
Hence the templates of ``exposition_lines``, and ``render_sliced``, which lets the loop turn while it works.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Protocol

from llmlb import __version__, clock
from llmlb.config.alerts import Severity
from llmlb.core.balancer import Balancer
from llmlb.telemetry import metrics as declared
from llmlb.telemetry.exposition_lines import HistogramLines, family, label_set, line
from llmlb.telemetry.metrics import Metrics
from llmlb.telemetry.model_exposition import ModelExposition
from llmlb.telemetry.node_exposition import NodeExposition
from llmlb.telemetry.process_metrics import ProcessMetrics

SLICE_S = 0.001
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class FiringAlert(Protocol):
    """What the page says about an alert."""

    @property
    def rule(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def node_id(self) -> str: ...


class Exposition:
    """Renders the page; keep one per router, for it remembers its lines between scrapes."""

    def __init__(self, metrics: Metrics, balancer: Balancer) -> None:
        self._metrics = metrics
        self._balancer = balancer
        self._nodes = NodeExposition()
        self._models = ModelExposition()
        self._process = ProcessMetrics()
        self._selection = HistogramLines(declared.SELECTION_DURATION, "", declared.SELECTION_BOUNDS_S)

    def render(self, now_s: float, *, alerts: Iterable[FiringAlert] = ()) -> bytes:
        """The whole page at once. alerts: those that fire now."""
        return _page([*self._pieces(now_s, alerts), self._process.text(now_s)])

    async def render_sliced(self, now_s: float, *, alerts: Iterable[FiringAlert] = ()) -> bytes:
        """The same page, giving way to other work after every millisecond."""
        pieces: list[str] = []
        began_at_s = clock.perf_s()
        for piece in self._pieces(now_s, alerts):
            pieces.append(piece)
            if clock.perf_s() - began_at_s >= SLICE_S:
                await asyncio.sleep(0)
                began_at_s = clock.perf_s()
        # Counting the process's own open files takes milliseconds when it has ten thousand connections.
        pieces.append(await asyncio.to_thread(self._process.text, now_s))
        return _page(pieces)

    def _pieces(self, now_s: float, alerts: Iterable[FiringAlert]) -> Iterator[str]:
        yield family(declared.BUILD_INFO, [line(declared.BUILD_INFO, label_set({"version": __version__}))], [1])
        yield from self._nodes.families(list(self._balancer.fleet), now_s)
        yield from self._models.families(self._metrics, self._queue_depths())
        yield self._router() + self._alerts(alerts)

    def _router(self) -> str:
        metrics = self._metrics
        selection = self._selection.text(metrics.selection_duration)
        retries = [line(declared.RETRIES, label_set({"cause": cause})) for cause in metrics.retries]
        cancelled = [line(declared.CANCELLED, label_set({"phase": phase})) for phase in metrics.cancellations]
        return (
            declared.SELECTION_DURATION.head
            + selection
            + family(declared.RETRIES, retries, metrics.retries.values())
            + family(declared.CANCELLED, cancelled, metrics.cancellations.values())
            + family(declared.LEAKED_LEASES, [line(declared.LEAKED_LEASES, "")], [metrics.leaked_leases])
            + family(
                declared.MASS_SILENCE, [line(declared.MASS_SILENCE, "")], [int(self._balancer.fleet.is_mass_silent)]
            )
        )

    def _alerts(self, alerts: Iterable[FiringAlert]) -> str:
        firing = Counter((alert.rule, alert.severity.value, alert.node_id) for alert in alerts)
        labels = [
            label_set({"rule": rule, "severity": severity, "node_id": node_id}) for rule, severity, node_id in firing
        ]
        lines = [line(declared.ALERTS, each) for each in labels]
        return family(declared.ALERTS, lines, firing.values())

    def _queue_depths(self) -> Counter[str]:
        depths: Counter[str] = Counter()
        for model, queue in self._balancer.queues.items():
            depths[self._metrics.model(model).label] += len(queue)
        return depths


def _page(pieces: Iterable[str]) -> bytes:
    return "".join(pieces).encode("utf-8", "replace")
