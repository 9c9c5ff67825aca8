"""Policies from the field that the product does not have, to measure its own against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from llmlb.core.choice import Candidate, Candidates, Choice, InferenceRequest, Policy, Reason
from llmlb.core.node import NodeId
from llmlb.core.outcome import Outcome


class LeastActive(Policy):
    """The fewest active requests; equals by lot."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        best = min(candidates, key=lambda node: (node.active, self._rng.random()))
        return Choice(best.id, Reason.LEAST_ACTIVE)


class WeightedLeastActive(Policy):
    """The least (active + 1) / score; equals by lot. Envoy's weighted least request with full bias."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        best = min(candidates, key=lambda node: (_weighted(node), self._rng.random()))
        return Choice(best.id, Reason.LEAST_ACTIVE)


class PowerOfTwo(Policy):
    """The better of two at random by (active + 1) / score. Mitzenmacher 2001."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        nodes = list(candidates)
        best = min(self._rng.sample(nodes, min(2, len(nodes))), key=_weighted)
        return Choice(best.id, Reason.LEAST_ACTIVE)


def _weighted(node: Candidate) -> float:
    return (node.active + 1) / max(1, node.score)


@dataclass(slots=True)
class _Peak:
    """A node's time to the first token, which jumps up at once and comes down slowly."""

    ttft_s: float
    at_s: float


class PeakEwma(Policy):
    """The least peak-EWMA of the time to the first token times (active + 1). Source: Finagle, tau 10 s."""

    TAU_S = 10.0

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._peaks: dict[NodeId, _Peak] = {}
        self._dispatched_at_s: dict[InferenceRequest, float] = {}

    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        best = min(candidates, key=lambda node: (self._cost(node, now_s), self._rng.random()))
        return Choice(best.id, Reason.LEAST_WAIT)

    def dispatched(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        self._dispatched_at_s[request] = now_s

    def first_token(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        ttft_s = now_s - self._dispatched_at_s[request]
        peak = self._peaks.setdefault(node_id, _Peak(ttft_s, now_s))
        kept = math.exp((peak.at_s - now_s) / self.TAU_S)
        peak.ttft_s = max(ttft_s, peak.ttft_s * kept + ttft_s * (1 - kept))
        peak.at_s = now_s

    def ended(self, request: InferenceRequest, node_id: NodeId, outcome: Outcome, now_s: float) -> None:
        self._dispatched_at_s.pop(request, None)

    def forgotten(self, node_id: NodeId) -> None:
        self._peaks.pop(node_id, None)

    def _cost(self, node: Candidate, now_s: float) -> float:
        peak = self._peaks.get(node.id)
        if peak is None:
            return 0.0 if not node.active else math.inf
        # Without news a node is believed a little faster, so a slow one is tried again in the end.
        return peak.ttft_s * math.exp((peak.at_s - now_s) / self.TAU_S) * (node.active + 1)
