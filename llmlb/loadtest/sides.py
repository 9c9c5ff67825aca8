"""Who is measured, and what it is compared with."""

from __future__ import annotations

from dataclasses import replace

from llmlb.errors import ClientError, ConfigurationError
from llmlb.loadtest.job import Job
from llmlb.loadtest.lookup import chosen_model, direct, nodes_of, serving
from llmlb.loadtest.plan import Plan
from llmlb.loadtest.target import Target


def headed(job: Job) -> Target:
    """The target with the headers that every request of its side carries."""
    headers = list(job.target.headers)
    if job.policies:
        headers.append(("x-llmlb-policy", job.policies[0]))
    if job.pin and job.vs != "direct":
        headers.append(("x-llmlb-pin", job.pin))
    return replace(job.target, headers=tuple(headers))


def names_of(job: Job, plan: Plan) -> tuple[str, ...]:
    """The tenants' names. Raises ConfigurationError for wishes that only an admin's key is granted."""
    if plan.tenants and not job.tenant_keys and (job.policies or job.pin):
        raise ConfigurationError("--policy and --pin need an admin's key, the tenants get plain ones; leave one out")
    return tuple(tenant.name for tenant in plan.tenants)


async def sides_of(job: Job, plan: Plan, target: Target) -> tuple[Target, tuple[Target, ...]]:
    """The target and what it is compared with."""
    if job.vs and len(job.policies) > 1:
        raise ConfigurationError("--vs and two --policy both name an opponent; choose one")
    if len(job.policies) > 2:
        raise ConfigurationError("two --policy can be compared, not more")
    if len(job.policies) == 2:
        other = tuple(pair for pair in target.headers if pair[0] != "x-llmlb-policy")
        rival = replace(target, name=f"policy {job.policies[1]}", headers=(*other, ("x-llmlb-policy", job.policies[1])))
        return replace(target, name=f"policy {job.policies[0]}"), (rival,)
    if not job.vs:
        return target, ()
    if job.vs != "direct":
        return target, (replace(target, url=job.vs, api_key=job.vs_api_key, headers=()),)
    model = await chosen_model(target, plan.model)
    nodes = [node for node in serving(await nodes_of(target), model) if job.pin in ("", node.node)]
    if not nodes:
        wanted = f"node {job.pin}" if job.pin else f"an online node with {model}"
        raise ClientError(
            f"{target.url} shows no {wanted}; --vs direct needs an llmlb router and an admin's credential"
        )
    return target, tuple(direct(target, node, api_key=job.vs_api_key) for node in nodes)
