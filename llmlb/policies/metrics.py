"""``metrics``: nodes below the thresholds first, then the fewest active requests.

1. Keep nodes with fresh figures whose GPU, VRAM and active requests are within the thresholds.
2. Take the fewest active; ties: higher capability score, lower GPU usage, longest not chosen.
3. Nobody left: nodes without fresh figures, fewest active, then higher score, then rotation.
4. Nobody left: everybody is over a threshold, so they take turns.
"""

from __future__ import annotations

from collections.abc import Callable

from llmlb.core.choice import Candidates, Choice, InferenceRequest, Policy, Reason
from llmlb.core.load import Thresholds


class MetricsPolicy(Policy):
    """The default policy. thresholds: asked at each choice, because the operator may change them at any time."""

    def __init__(self, thresholds: Callable[[], Thresholds] = Thresholds) -> None:
        self._thresholds = thresholds

    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        best = candidates.fit.first_with_reason()
        if best is not None:
            node, reason = best
            thresholds = self._thresholds
            if node.active <= thresholds().active_requests:
                return Choice(node.id, reason)
        best = candidates.unmeasured.first_with_reason()
        if best is not None:
            only = len(candidates) == 1
            return Choice(best[0].id, Reason.ONLY_CANDIDATE if only else Reason.NO_METRICS_FALLBACK)
        only = len(candidates) == 1
        return Choice(candidates.rotate().id, Reason.ONLY_CANDIDATE if only else Reason.OVERLOADED_FALLBACK)
