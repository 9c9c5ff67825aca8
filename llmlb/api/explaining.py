"""Why the next request for a model would go where it would go. Asking changes nothing and reserves nothing."""

from __future__ import annotations

from llmlb.api.services import Services
from llmlb.core.candidates import EligibleNodes
from llmlb.core.choice import Choice, InferenceRequest, Reason
from llmlb.core.circuit import CircuitState
from llmlb.core.fleet import Standing
from llmlb.core.node import Node
from llmlb.wire.insight import ExplainedChoice, ExplainedNode, Explanation


def explain(services: Services, model: str) -> Explanation:
    """How every node stands towards a model, and which one would be chosen now."""
    now_s = services.now_s()
    resolved, _ = services.balancer.resolve(model)
    pool = services.fleet.candidates(resolved)
    choice = None if pool is None else _preview(services, resolved, pool, now_s)
    refusal = None
    if choice is None:
        is_unknown = pool is None or not pool.serving
        refusal = "no approved node has this model" if is_unknown else "no node of this model can take a request now"
    return Explanation(
        model=model,
        resolved=resolved,
        mode=services.load_balancer.mode,
        choice=choice,
        refusal=refusal,
        nodes=[_explained(standing) for standing in services.fleet.standings(resolved, now_s)],
    )


def _preview(services: Services, model: str, pool: EligibleNodes, now_s: float) -> ExplainedChoice | None:
    """The choice on a copy, so that no rotation moves on. It mirrors the balancer, without its chance: slow start."""
    if pool.half_open:
        return ExplainedChoice(node=next(iter(pool.half_open)).id, reason=Reason.PROBE.value)
    if not len(pool):
        return None
    choice = services.balancer.policy.pick(InferenceRequest(model=model), pool.without(()), now_s)
    node = services.fleet.get(choice.node_id)
    return None if node is None else ExplainedChoice(node=node.id, reason=_reason(choice, node).value)


def _reason(choice: Choice, node: Node) -> Reason:
    if node.circuit.state is not CircuitState.CLOSED:
        return Reason.PANIC
    return Reason.MASS_SILENCE if node.silent_at_s is not None else choice.reason


def _explained(standing: Standing) -> ExplainedNode:
    node, figures = standing.node, standing.node.figures
    because = standing.ineligibility
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
    )
