"""The fleet's figures as the router sums them up, and a short memory of them for the head of the screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

from llmlb_tui.model.reading import Fields, count, fields, number
from llmlb_tui.model.text import clean

REMEMBERED = 60


class Traffic(NamedTuple):
    """A ``fleet`` event. Per second, milliseconds, percent; None where nothing was measured."""

    requests_per_s: float | None = None
    tokens_per_s: float | None = None
    error_percent: float | None = None
    mean_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    ttft_ms: float | None = None
    in_flight: int = 0
    queued: int = 0
    queue: tuple[tuple[str, int], ...] = ()
    mass_silence: bool = False
    status: str = ""


class Flows:
    """What goes through each node a second, means of the last ten seconds; read when it is asked for.

    value: a ``fleet`` event. It names only nodes with traffic: the others have none.
    """

    __slots__ = ("_by_node",)

    def __init__(self, value: object = None) -> None:
        by_node = fields(value).get("rates_by_node")
        self._by_node = by_node if isinstance(by_node, dict) else None

    def requests_per_s(self, node_id: str) -> float | None:
        """None where the router tells nothing of its nodes."""
        return self._per_s(node_id, "requests_per_second")

    def tokens_per_s(self, node_id: str) -> float | None:
        """None where the router tells nothing of its nodes."""
        return self._per_s(node_id, "tokens_per_second")

    def _per_s(self, node_id: str, name: str) -> float | None:
        if self._by_node is None:
            return None
        flow = self._by_node.get(node_id)
        return 0.0 if flow is None else number(fields(flow).get(name))


NO_FLOWS = Flows()


def read_traffic(value: object) -> Traffic:
    """The ``fleet`` object of the feed and of the status page."""
    summary = fields(value)
    rates = fields(summary.get("rates"))
    return Traffic(
        requests_per_s=number(rates.get("requests_per_second")),
        tokens_per_s=number(rates.get("tokens_per_second")),
        error_percent=number(rates.get("error_percent")),
        mean_ms=number(rates.get("mean_ms")),
        p50_ms=number(rates.get("p50_ms")),
        p95_ms=number(rates.get("p95_ms")),
        ttft_ms=number(rates.get("ttft_p50_ms")),
        in_flight=count(summary.get("in_flight")),
        queued=count(summary.get("queued")),
        queue=_queue(fields(summary.get("queue"))),
        mass_silence=summary.get("mass_silence") is True,
        status=clean(summary.get("status")),
    )


def _queue(value: Fields) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(((clean(model), count(depth)) for model, depth in value.items()), key=lambda pair: -pair[1]))


class TrafficMemory:
    """The last minute of a few figures, one point a summary."""

    def __init__(self) -> None:
        self._points: deque[Traffic | None] = deque(maxlen=REMEMBERED)

    def copy(self) -> TrafficMemory:
        twin = copy(self)
        twin._points = self._points.copy()
        return twin

    def add(self, traffic: Traffic) -> None:
        self._points.append(traffic)

    def gap(self) -> None:
        if self._points and self._points[-1] is not None:
            self._points.append(None)

    def requests(self) -> Sequence[float | None]:
        return [point and point.requests_per_s for point in self._points]

    def in_flight(self) -> Sequence[float | None]:
        return [point and point.in_flight for point in self._points]

    def queued(self) -> Sequence[float | None]:
        return [point and point.queued for point in self._points]

    def p95(self) -> Sequence[float | None]:
        return [point and point.p95_ms for point in self._points]

    def mean(self) -> Sequence[float | None]:
        return [point and point.mean_ms for point in self._points]
