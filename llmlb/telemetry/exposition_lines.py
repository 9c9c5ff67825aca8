"""Lines of the Prometheus text format, made once up to their values.

A template is a line, or many, with ``%`` where values go; filling thousands of lines with one ``%`` takes a tenth of
the time of formatting them one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from llmlb.telemetry.histogram import Histogram
from llmlb.telemetry.metrics import Metric


def label_set(labels: Mapping[str, str]) -> str:
    """``node_id="a",state="online"``, escaped for the text format and for use in a template."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def line(metric: Metric, labels: str, value: str = "%s") -> str:
    """One line; ``value`` is text, or a place for it."""
    return f"{metric.name}{{{labels}}} {value}\n" if labels else f"{metric.name} {value}\n"


def family(metric: Metric, templates: Iterable[str], values: Iterable[object]) -> str:
    """A whole family: its head and its lines, filled in."""
    return metric.head + "".join(templates) % tuple(values)


class HistogramLines:
    """The lines of one histogram. They are kept until it moves: at most scrapes, most models have not."""

    __slots__ = ("_count", "_template", "_text")

    def __init__(self, metric: Metric, labels: str, bounds_s: tuple[float, ...]) -> None:
        prefix = f"{labels}," if labels else ""
        bounds = [*map(repr, bounds_s), "+Inf"]
        buckets = [f'{metric.name}_bucket{{{prefix}le="{bound}"}} %d\n' for bound in bounds]
        suffix = f"{{{labels}}}" if labels else ""
        self._template = f"{''.join(buckets)}{metric.name}_sum{suffix} %s\n{metric.name}_count{suffix} %d\n"
        self._count = -1
        self._text = ""

    def text(self, histogram: Histogram) -> str:
        cumulative = tuple(accumulate(histogram.counts))
        count = cumulative[-1]
        if count != self._count:
            self._text = self._template % (*cumulative, histogram.sum_s, count)
            self._count = count
        return self._text


def _escaped(value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return quoted.replace("%", "%%")
