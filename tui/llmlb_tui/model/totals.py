"""The whole fleet in a few figures, counted from its nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress
from operator import attrgetter, eq
from typing import NamedTuple

from llmlb.core.health import NodeState
from llmlb_tui.model.nodes import NodeRow


@dataclass(frozen=True, slots=True)
class Totals:
    """Nodes by state, and the means of what Online nodes measure. hottest: its temperature and its node's id."""

    nodes: int = 0
    online: int = 0
    pending: int = 0
    offline: int = 0
    draining: int = 0
    excluded: int = 0
    active: int = 0
    gpu_mean: float | None = None
    gpu_p95: float | None = None
    vram_mean: float | None = None
    vram_p95: float | None = None
    temp_mean: float | None = None
    hottest: tuple[float, str] | None = None


class Capacity(NamedTuple):
    """What Online nodes offer together. slots: None where a node has no limit: a sum without it would mislead."""

    slots: int | None = None
    models: int = 0


def capacity_of(nodes: Iterable[NodeRow]) -> Capacity:
    """Add it up. It reads every node's words: 1,000 nodes take a few milliseconds where all have new ones."""
    # Nodes of one kind have the same words but for their names: what those say is counted once for each kind.
    kinds = Counter([(node.words.limit, node.words.models) for node in nodes if node.state is NodeState.ONLINE])
    is_limited = bool(kinds) and all(limit for limit, _ in kinds)
    slots = sum(limit * amount for (limit, _), amount in kinds.items() if limit)
    return Capacity(slots if is_limited else None, len({model for _, models in kinds for model in models}))


def totals_of(nodes: Collection[NodeRow]) -> Totals:
    """Count them. O(n log n) for the percentiles; 1,000 nodes take about half a millisecond."""
    # Nodes that stand the same share one status.
    statuses = Counter(map(attrgetter("status"), nodes))
    states: Counter[NodeState] = Counter()
    for status, amount in statuses.items():
        states[status.state] += amount
    online = {status for status in statuses if status.state is NodeState.ONLINE}
    serving = list(nodes) if len(online) == len(statuses) else [node for node in nodes if node.status in online]
    gpus = sorted(_known(map(attrgetter("gpu"), serving)))
    vrams = sorted(_known(map(attrgetter("vram"), serving)))
    temps = _known(map(attrgetter("temp"), serving))
    return Totals(
        nodes=len(nodes),
        online=states[NodeState.ONLINE],
        pending=states[NodeState.PENDING],
        offline=states[NodeState.OFFLINE],
        draining=sum(amount for status, amount in statuses.items() if status.draining),
        excluded=sum(amount for status, amount in statuses.items() if status.excluded_by),
        active=sum(map(attrgetter("active"), nodes)),
        gpu_mean=_mean(gpus),
        gpu_p95=_p95(gpus),
        vram_mean=_mean(vrams),
        vram_p95=_p95(vrams),
        temp_mean=_mean(temps),
        hottest=_hottest(serving, max(temps)) if temps else None,
    )


def _hottest(nodes: Sequence[NodeRow], temp: float) -> tuple[float, str]:
    """The one with that temperature; of several, the last by its id."""
    hot = map(partial(eq, temp), map(attrgetter("temp"), nodes))
    return temp, max(node.id for node in compress(nodes, hot))


def _known(figures: Iterable[float | None]) -> list[float]:
    return [figure for figure in figures if figure is not None]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _p95(ordered: Sequence[float]) -> float | None:
    """Nearest rank."""
    return ordered[-(-len(ordered) * 95 // 100) - 1] if ordered else None
