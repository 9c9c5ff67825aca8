"""Who got how much: the figures of the keys that shared a run. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from llmlb.loadtest.balance import jain
from llmlb.loadtest.objectives import is_good
from llmlb.loadtest.percentiles import Sample
from llmlb.loadtest.plan import Slo, Tenant
from llmlb.loadtest.record import Record
from llmlb.loadtest.taxonomy import Ending


@dataclass(frozen=True, slots=True)
class TenantFigures:
    """What one tenant got. weight: the load it offered, in users or as a part of the rate.

    good_share: of its own scheduled requests.  refused: answered with 429.
    """

    tenant: str
    weight: float
    requests: int
    ok: int
    good: int
    good_per_s: float
    good_share: float
    tokens: int
    ttft: Sample = field(repr=False)
    e2e: Sample = field(repr=False)
    refused: int
    errors: int


@dataclass(frozen=True, slots=True)
class Fairness:
    """The tenants of a run, none if it had none. jain: of good requests per weight, 1 is even."""

    tenants: tuple[TenantFigures, ...] = ()
    jain: float | None = None


def fairness_of(records: Sequence[Record], tenants: Sequence[Tenant], *, slo: Slo, window_s: float) -> Fairness:
    """The figures of each tenant, in the order in which they were named; also of one that got nothing."""
    by_tenant: dict[str, list[Record]] = {tenant.name: [] for tenant in tenants}
    for record in records:
        if record.label.tenant in by_tenant:
            by_tenant[record.label.tenant].append(record)
    figures = tuple(_figures(tenant, by_tenant[tenant.name], slo, window_s) for tenant in tenants)
    return Fairness(figures, jain([figure.good / figure.weight for figure in figures]))


def seats(tenants: Sequence[Tenant]) -> tuple[str, ...]:
    """One name per user of a closed loop, mixed so that any beginning of it has about the right parts.

    Weights are whole numbers here. No tenants: one nameless user.
    """
    spread = [((turn + 0.5) / tenant.weight, tenant.name) for tenant in tenants for turn in range(int(tenant.weight))]
    return tuple(name for _, name in sorted(spread, key=lambda seat: seat[0])) or ("",)


def draws(tenants: Sequence[Tenant], rng: random.Random) -> Iterator[str]:
    """Whose request the next arrival is: parts of a Poisson process are Poisson processes again."""
    names = [tenant.name for tenant in tenants] or [""]
    weights = [tenant.weight for tenant in tenants] or [1.0]
    while True:
        yield rng.choices(names, weights)[0]


def _figures(tenant: Tenant, records: Sequence[Record], slo: Slo, window_s: float) -> TenantFigures:
    answered = [record for record in records if record.ending.is_ok]
    good = sum(is_good(record, slo) for record in records)
    failures = sum(record.ending.is_failure for record in records)
    streamed = any(record.first_content_at_s is not None for record in records) or not answered
    return TenantFigures(
        tenant=tenant.name,
        weight=tenant.weight,
        requests=len(records),
        ok=len(answered),
        good=good,
        good_per_s=good / window_s if window_s else 0.0,
        good_share=good / len(records) if records else 0.0,
        tokens=sum(record.tokens.completion for record in answered),
        ttft=Sample((r.ttft_s for r in answered if r.ttft_s is not None), failures=failures if streamed else 0),
        e2e=Sample((record.e2e_s for record in answered), failures=failures),
        refused=sum(record.ending is Ending.HTTP_429 for record in records),
        errors=failures,
    )
