"""The last ten points of a node, as the console saw them; a gap where nobody was looking."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from copy import copy

from msgspec import Struct

from llmlb_tui.model.reading import number, rows

POINTS = 10


class Point(Struct, frozen=True, gc=False):
    """Figures of one heartbeat; None where nothing was measured. Percent, percent, requests, milliseconds."""

    gpu: float | None
    vram: float | None
    active: float | None
    avg_ms: float | None = None


GAP = Point(None, None, None)


class History:
    """Ten points, oldest first."""

    __slots__ = ("_points", "_seen", "is_complete")

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=POINTS)
        self._seen = 0
        self.is_complete = False
        """There is nothing older to ask the router for: its ten points were read in, or as many were seen here."""

    def __len__(self) -> int:
        return len(self._points)

    def copy(self) -> History:
        twin = copy(self)
        twin._points = self._points.copy()
        return twin

    def add(self, point: Point) -> None:
        self._points.append(point)
        if not self.is_complete:
            self._seen += 1
            self.is_complete = self._seen >= POINTS

    def gap(self) -> None:
        """Nobody looked for a while: the line is interrupted once, however long it was."""
        if self._points and self._points[-1] != GAP:
            self._points.append(GAP)
        self._seen = 0
        self.is_complete = False

    def read(self, answer: object) -> None:
        """Take over the router's own points, which reach further back than what was seen here."""
        points = [
            Point(number(row.get("gpu_usage")), number(row.get("vram_usage")), number(row.get("active_requests")))
            for row in rows(answer)[-POINTS:]
        ]
        self.is_complete = True
        if len(points) >= len(self._points):
            self._points = deque(points, maxlen=POINTS)

    def gpu(self) -> Sequence[float | None]:
        return [point.gpu for point in self._points]

    def vram(self) -> Sequence[float | None]:
        return [point.vram for point in self._points]

    def active(self) -> Sequence[float | None]:
        return [point.active for point in self._points]

    def avg_ms(self) -> Sequence[float | None]:
        return [point.avg_ms for point in self._points]
