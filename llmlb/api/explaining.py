"""Why the next request for a model would go where it would go. Asking changes nothing and reserves nothing."""

from __future__ import annotations

import asyncio

from llmlb.api.request_records import cost_fields
from llmlb.api.services import Services
from llmlb.core.candidates import EligibleNodes
from llmlb.core.choice import Cost, InferenceRequest, Reason
from llmlb.core.circuit import CircuitState
from llmlb.core.fleet import Standing
from llmlb.core.node import Ineligibility, Node, NodeId
from llmlb.wire.insight import ExplainedChoice, ExplainedNode, Explanation

NODES_AT_ONCE = 100
"""About a millisecond of work; then the streams that share the event loop get their turn."""


async def explain(services: Services, model: str) -> Explanation:
    """How every node stands towards a model, what it would cost there, and which one would be chosen now."""
    now_s, balancer = services.now_s(), services.balancer
    resolved, _ = balancer.resolve(model)
    pool = services.fleet.candidates(resolved)
    request = InferenceRequest(model=resolved)
    choices = [] if pool is None else _preview(services, request, pool, now_s)
    costs = [] if pool is None or not len(pool) else balancer.policy.explain(request, pool.without(()), now_s)
    standings = services.fleet.standings(resolved, now_s)
    refusal = None if choices else _refusal(services, pool, now_s)
    return Explanation(
        model=model,
        resolved=resolved,
        mode=services.load_balancer.mode,
        choice=choices[0] if choices else None,
        otherwise=choices[1] if len(choices) > 1 else None,
        refusal=refusal,
        queued=len(balancer.queues.get(resolved, ())),
        nodes=await _all_explained(services, standings, costs, now_s),
    )


async def _all_explained(
    services: Services, standings: list[Standing], costs: list[Cost], now_s: float
) -> list[ExplainedNode]:
    by_node = {cost.node_id: cost for cost in costs}
    nodes = []
    for position, standing in enumerate(standings):
        if position % NODES_AT_ONCE == NODES_AT_ONCE - 1:
            await asyncio.sleep(0)
        nodes.append(_explained(services, standing, by_node.get(standing.node.id), now_s))
    return nodes


def _preview(services: Services, request: InferenceRequest, pool: EligibleNodes, now_s: float) -> list[ExplainedChoice]:
    """The choice, and the other one where chance decides: what the balancer does, on copies, so that nothing moves."""
    if pool.half_open:
        return [ExplainedChoice(node=next(iter(pool.half_open)).id, reason=Reason.PROBE.value)]
    if not len(pool):
        return []
    node, reason = _picked(services, request, pool.without(()), now_s)
    if node.circuit.state is not CircuitState.CLOSED:
        return [ExplainedChoice(node=node.id, reason=Reason.PANIC.value)]
    if node.silent_at_s is not None:
        return [ExplainedChoice(node=node.id, reason=Reason.MASS_SILENCE.value)]
    share = services.fleet.slow_start_share(node, now_s)
    if share >= 1.0 or len(pool) == 1:
        return [ExplainedChoice(node=node.id, reason=reason.value)]
    other, _ = _picked(services, request, pool.without((node.id,)), now_s)
    return [
        ExplainedChoice(node=node.id, reason=reason.value, chance=round(share, 4)),
        ExplainedChoice(node=other.id, reason=Reason.SLOW_START.value, chance=round(1.0 - share, 4)),
    ]


def _picked(
    services: Services, request: InferenceRequest, candidates: EligibleNodes, now_s: float
) -> tuple[Node, Reason]:
    choice = services.balancer.policy.pick(request, candidates, now_s)
    node = services.fleet.get(NodeId(choice.node_id))
    if node is None or node not in candidates:
        raise RuntimeError(f"the policy chose {choice.node_id!r}, which is not a candidate")
    return node, choice.reason


def _refusal(services: Services, pool: EligibleNodes | None, now_s: float) -> str:
    """Why nobody is chosen, and whether a request would wait all the same."""
    if pool is None or not pool.serving:
        return "no approved node has this model"
    nobody = "no node of this model can take a request now"
    rules = services.balancer.queue_rules
    busy = (Ineligibility.AT_CAPACITY, Ineligibility.RESTING)
    if any(node.ineligibility in busy and node.circuit.state is CircuitState.CLOSED for node in pool.serving):
        return f"{nobody}: it would wait up to {rules.wait_s:g} s for one that is busy"
    if now_s - pool.ready_at_s <= rules.absent_window_s:
        return f"{nobody}: it would wait up to {rules.absent_wait_s:g} s, for one was there a moment ago"
    return nobody


def _explained(services: Services, standing: Standing, cost: Cost | None, now_s: float) -> ExplainedNode:
    node, figures = standing.node, standing.node.figures
    because = standing.ineligibility
    priced = {} if cost is None else cost_fields(cost)
    return ExplainedNode(
        id=node.id,
        state=node.state.value,
        eligible=because is None,
        ineligible_because=None if because is None else because.value,
        excluded_by=[exclusion.value for exclusion in standing.exclusions],
        active_requests=node.active,
        in_flight=node.in_flight,
        max_concurrency=node.max_concurrency,
        capability_score=node.score,
        gpu_usage=None if figures is None else figures.gpu_percent,
        vram_usage=None if figures is None else figures.vram_percent,
        circuit=node.circuit.state.value,
        cost_seconds=priced.get("total_s"),
        cost_terms=priced.get("terms", {}),
        share=round(services.fleet.slow_start_share(node, now_s), 4),
    )
