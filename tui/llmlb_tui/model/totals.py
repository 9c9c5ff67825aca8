"""The whole fleet in a few figures, counted from its nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

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
    slots: int | None = None
    gpu_mean: float | None = None
    gpu_p95: float | None = None
    vram_mean: float | None = None
    vram_p95: float | None = None
    temp_mean: float | None = None
    hottest: tuple[float, str] | None = None
    models: int = 0


def totals_of(nodes: Collection[NodeRow]) -> Totals:
    """Count them. O(n log n) for the percentiles; 1,000 nodes take about half a millisecond."""
    states = Counter([node.state for node in nodes])
    online = [node for node in nodes if node.state is NodeState.ONLINE]
    gpus = sorted([node.gpu for node in online if node.gpu is not None])
    vrams = sorted([node.vram for node in online if node.vram is not None])
    temps = [(node.temp, node.id) for node in online if node.temp is not None]
    # Nodes of one kind have the same words but for their names: what those say is counted once for each kind.
    kinds = Counter([(node.words.limit, node.words.models) for node in online])
    return Totals(
        nodes=len(nodes),
        online=states[NodeState.ONLINE],
        pending=states[NodeState.PENDING],
        offline=states[NodeState.OFFLINE],
        draining=len([None for node in nodes if node.draining]),
        excluded=len([None for node in nodes if node.excluded_by]),
        active=sum([node.active for node in nodes]),
        # Unlimited nodes have no slots to count, and a sum that leaves them out would mislead.
        slots=sum(limit * amount for (limit, _), amount in kinds.items() if limit) if _limited(kinds) else None,
        gpu_mean=_mean(gpus),
        gpu_p95=_p95(gpus),
        vram_mean=_mean(vrams),
        vram_p95=_p95(vrams),
        temp_mean=_mean([temp for temp, _ in temps]),
        hottest=max(temps, default=None),
        models=len({model for _, models in kinds for model in models}),
    )


def _limited(kinds: Mapping[tuple[int | None, tuple[str, ...]], int]) -> bool:
    return bool(kinds) and all(limit for limit, _ in kinds)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _p95(ordered: Sequence[float]) -> float | None:
    """Nearest rank."""
    return ordered[-(-len(ordered) * 95 // 100) - 1] if ordered else None
