"""The settings of a run as they stand in its JSON: without keys, header values and prompt texts."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from typing import TYPE_CHECKING

from llmlb.loadtest.plan import TraceReplay, describe
from llmlb.loadtest.prompts import BlockPrompts, GivenPrompts, PromptPlan, ShortChats, SizedPrompts

if TYPE_CHECKING:
    from llmlb.loadtest.plan import Load, Plan
    from llmlb.loadtest.result import Result


def configuration(result: Result) -> dict[str, object]:
    """The settings of the plan, and where it was sent."""
    return {
        "target": result.target_url,
        "opponents": list(result.opponent_urls),
        "sides": list(result.side_names),
        "model": result.model,
        **settings(result.plan),
    }


def settings(plan: Plan) -> dict[str, object]:
    """What is known before the run of that which must be alike for two runs to be comparable."""
    return {
        "load": _load(plan.load),
        "prompts": _prompts(plan.prompts),
        "endpoint": str(plan.endpoint),
        "streamed": plan.streamed,
        "max_tokens": plan.max_tokens,
        "ignore_eos": plan.ignore_eos,
        "warm_up": plan.warm_up,
        "cancel_share": plan.cancel_share,
        "checks_usage": plan.checks_usage,
        "seed": plan.seed,
        "deadlines": dataclasses.asdict(plan.deadlines),
        "slo": dataclasses.asdict(plan.slo),
        "weights": dict(plan.weights),
        "tenants": {tenant.name: tenant.weight for tenant in plan.tenants},
    }


def _load(load: Load) -> dict[str, object]:
    kind = {"kind": type(load).__name__, "text": describe(load)}
    if isinstance(load, TraceReplay):
        figures = repr([(e.at_s, e.input_tokens, e.output_tokens, e.block_ids) for e in load.entries])
        return {**kind, "speed": load.speed, "max_in_flight": load.max_in_flight, "sha256": _digest(figures)}
    return {**kind, **{name: _json(value) for name, value in dataclasses.asdict(load).items()}}


def _prompts(prompts: PromptPlan) -> dict[str, object]:
    match prompts:
        case ShortChats():
            return {"kind": "short"}
        case GivenPrompts(given):
            return {"kind": "given", "count": len(given), "sha256": _digest(repr(given))}
        case SizedPrompts():
            return {"kind": "sized", **dataclasses.asdict(prompts)}
        case BlockPrompts(entries):
            return {"kind": "trace", "count": len(entries)}


def _json(value: object) -> object:
    """Endless stages have no JSON number."""
    match value:
        case dict():
            return {str(name): _json(each) for name, each in value.items()}
        case list() | tuple():
            return [_json(each) for each in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
