"""A fleet on a clock of its own, for tests of the core."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from llmlb.core.balancer import Balancer, Offer, QueueRules
from llmlb.core.choice import InferenceRequest, Policy
from llmlb.core.fleet import Fleet, FleetRules
from llmlb.core.lease import Lease
from llmlb.core.load import Thresholds
from llmlb.core.node import Beat, Figures, Node, NodeId, Profile
from llmlb.core.outcome import Outcome, OutcomeKind
from llmlb.errors import Fault
from llmlb.policies.metrics import MetricsPolicy

MODEL = "m"
GOOD = Outcome(OutcomeKind.ANSWERED, total_s=1.0)
BAD = Outcome(OutcomeKind.FAILED, Fault.NODE, error="500")
REFUSED = Outcome(OutcomeKind.UNREACHABLE, Fault.NODE, error="connection refused")


class FleetKit:
    """Time stands still until ``pass_time``."""

    def __init__(
        self,
        *,
        rules: FleetRules | None = None,
        policy: Policy | None = None,
        queue: QueueRules | None = None,
        aliases: dict[str, str] | None = None,
        policy_failed: Callable[[Policy, Exception], None] = lambda policy, error: None,
    ) -> None:
        self.now_s = 1000.0
        self.fleet = Fleet(rules=rules or FleetRules(), thresholds=Thresholds(), rng=Random(1))
        self.balancer = Balancer(
            self.fleet,
            policy or MetricsPolicy(lambda: self.fleet.thresholds),
            queue_rules=queue or QueueRules(),
            aliases=aliases or {},
            rng=Random(2),
            policy_failed=policy_failed,
        )

    def node(
        self,
        name: str,
        *,
        gpu: float | None = 10.0,
        vram: float = 10.0,
        score: int = 100,
        active: int = 0,
        models: tuple[str, ...] | None = (MODEL,),
        limit: int | None = None,
        approved: bool = True,
    ) -> Node:
        """Register, beat and approve a node. gpu: None for one that measures nothing."""
        node, _ = self.fleet.register(NodeId(name), Profile(url="http://node"), Beat(), self.now_s)
        self.beat(node, gpu=gpu, vram=vram, score=score, active=active, models=models, limit=limit)
        if approved:
            self.fleet.approve(node, self.now_s)
        return node

    def beat(
        self,
        node: Node,
        *,
        gpu: float | None = 10.0,
        vram: float = 10.0,
        score: int | None = None,
        active: int = 0,
        models: tuple[str, ...] | None = (MODEL,),
        limit: int | None = None,
        boot_id: str = "",
        leaving: bool = False,
    ) -> str:
        beat = Beat(
            figures=None if gpu is None else Figures(gpu, vram),
            capability_score=score,
            active_requests=active,
            loaded_models=models,
            max_concurrency=limit,
            boot_id=boot_id,
            leaving=leaving,
        )
        verdict, _ = self.fleet.beat(node, beat, now_s=self.now_s, unix_s=0.0)
        return verdict.value

    def pass_time(self, seconds: float, *, beating: tuple[Node, ...] = ()) -> None:
        """Let time pass in half-second ticks; the beating nodes beat every ten seconds."""
        until_s = self.now_s + seconds
        next_beat_s = self.now_s + 10.0
        while self.now_s < until_s:
            self.now_s = min(until_s, self.now_s + 0.5)
            if self.now_s >= next_beat_s:
                next_beat_s += 10.0
                for node in beating:
                    self.beat(node)
            self.fleet.tick(self.now_s)

    def offer(self, model: str = MODEL, *, tried: tuple[str, ...] = (), key: str = "") -> Offer:
        nodes = tuple(NodeId(name) for name in tried)
        return self.balancer.offer(InferenceRequest(model, tried=nodes, key_id=key), self.now_s)

    def take(self, model: str = MODEL, *, tried: tuple[str, ...] = ()) -> Lease:
        """A lease; fails the test when there is none to be had."""
        offer = self.offer(model, tried=tried)
        assert isinstance(offer, Lease), offer
        return offer

    def settle(self, lease: Lease, outcome: Outcome = GOOD) -> None:
        self.balancer.settle(lease, outcome, self.now_s)

    def names(self, model: str = MODEL) -> list[str]:
        """Who is eligible."""
        pool = self.fleet.candidates(model)
        return sorted(node.id for node in pool) if pool else []
