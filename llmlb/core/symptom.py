"""A GPU threshold that excludes whoever works: a GPU reports nearly 100 % with a single request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llmlb.core.load import Thresholds

SYMPTOM_SHARE = 0.5
"""Of the nodes that work, how many the threshold may pass over before it is the threshold that is wrong."""


class AtWork(NamedTuple):
    """A node that could get work and has some. active: requests now.  limit: its ``max_concurrency``."""

    active: int
    limit: int | None
    is_over_gpu: bool


def passed_over_for_gpu(at_work: Sequence[AtWork], thresholds: Thresholds) -> int:
    """How many are over the GPU threshold though they have room: 0 while they are less than half of those at work."""
    if thresholds.gpu_percent >= 100:
        return 0
    passed_over = sum(node.is_over_gpu and _has_room(node, thresholds) for node in at_work)
    return passed_over if passed_over >= SYMPTOM_SHARE * len(at_work) else 0


def _has_room(node: AtWork, thresholds: Thresholds) -> bool:
    limit = thresholds.active_requests if node.limit is None else min(node.limit, thresholds.active_requests)
    return node.active < limit
