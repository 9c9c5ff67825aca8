"""From what was typed to a plan: every value is checked here, before anything is sent."""

from __future__ import annotations

from llmlb.errors import ConfigurationError
from llmlb.loadtest.exchange import Deadlines
from llmlb.loadtest.gates import parse_gate
from llmlb.loadtest.plan import Endpoint, Plan, Slo
from llmlb.loadtest.quantities import number, share
from llmlb.loadtest.typed import Typed, at_least, positive, time_s
from llmlb.loadtest.typed_load import load_of
from llmlb.loadtest.typed_prompts import prompts_of, trace_of
from llmlb.loadtest.typed_tenants import tenants_of

DEFAULT_MAX_TOKENS = 64


def plan_of(typed: Typed) -> Plan:
    """The plan. Raises ConfigurationError naming the option that cannot be used."""
    trace = trace_of(typed)
    prompts = prompts_of(typed, trace)
    tenants = tenants_of(typed.tenants)
    has_length = trace is not None or typed.output_tokens is not None
    return Plan(
        load=load_of(typed, trace, tenants),
        prompts=prompts,
        model=typed.model,
        endpoint=_endpoint(typed.endpoint),
        streamed=typed.streamed,
        max_tokens=positive("--max-tokens", typed.max_tokens or typed.output_tokens, DEFAULT_MAX_TOKENS),
        ignore_eos=has_length if typed.ignore_eos is None else typed.ignore_eos,
        deadlines=Deadlines(
            connect_s=time_s("--connect-timeout", typed.connect_timeout),
            first_token_s=time_s("--first-token-timeout", typed.first_token_timeout),
            stall_s=time_s("--stall-timeout", typed.stall_timeout),
            total_s=time_s("--timeout", typed.timeout),
        ),
        warm_up=at_least("--warmup", typed.warm_up, 0),
        cancel_share=share(typed.cancel, what="--cancel") if typed.cancel else 0.0,
        checks_usage=typed.check_usage,
        seed=typed.seed,
        slo=_slo(typed.slo),
        gates=tuple(parse_gate(text) for text in typed.fail_if),
        weights=_weights(typed.weights),
        tenants=tenants,
    )


def _endpoint(text: str) -> Endpoint:
    try:
        return Endpoint(text)
    except ValueError:
        raise ConfigurationError(f"--endpoint {text!r}: choose {' or '.join(Endpoint)}") from None


def _slo(text: str) -> Slo:
    """``ttft=2s,tpot=100ms,e2e=10s``."""
    limits: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, limit = part.partition("=")
        if name not in ("ttft", "tpot", "e2e"):
            raise ConfigurationError(f"--slo {part!r}: objectives are ttft, tpot and e2e, like ttft=2s,tpot=100ms")
        limits[name] = time_s(f"--slo {name}", limit)
    return Slo(limits.get("ttft"), limits.get("tpot"), limits.get("e2e"))


def _weights(texts: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    found = []
    for text in texts:
        node, _, weight = text.rpartition("=")
        value = number(weight, what=f"the weight in --weight {text!r}")
        if not node or not 0 < value <= 1e9:
            raise ConfigurationError(f"--weight {text!r}: write NODE=2 for twice the share")
        found.append((node, value))
    return tuple(found)


def header_of(text: str) -> tuple[str, str]:
    """``Name: value`` of ``-H``."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ConfigurationError(f"-H {text!r}: write 'Name: value'")
    return name.strip(), value.strip()
