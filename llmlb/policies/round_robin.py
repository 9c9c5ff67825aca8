"""``round_robin``: the eligible nodes of a model take turns; each model has its own rotation."""

from __future__ import annotations

from llmlb.core.choice import Candidates, Choice, InferenceRequest, Policy, Reason


class RoundRobinPolicy(Policy):
    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        only = len(candidates) == 1
        return Choice(candidates.rotate().id, Reason.ONLY_CANDIDATE if only else Reason.ROUND_ROBIN)
