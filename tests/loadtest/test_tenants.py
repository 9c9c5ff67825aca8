from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest.examples import record

from llmlb.loadtest.plan import Slo, Tenant
from llmlb.loadtest.record import Label, Record
from llmlb.loadtest.taxonomy import Ending
from llmlb.loadtest.tenants import draws, fairness_of, seats

SMALL_AND_GREEDY = (Tenant("a", 1.0), Tenant("b", 1.0), Tenant("c", 10.0))


def of(tenant: str, count: int, *, ending: Ending = Ending.OK, ttft_s: float = 0.1) -> list[Record]:
    return [record(label=Label(i, tenant=tenant), ending=ending, ttft_s=ttft_s) for i in range(count)]


def test_everybody_who_gets_what_he_asked_for_is_treated_evenly() -> None:
    found = fairness_of([*of("a", 5), *of("b", 5), *of("c", 50)], SMALL_AND_GREEDY, slo=Slo(), window_s=10.0)
    assert found.jain == pytest.approx(1.0)
    assert [(each.good_per_s, each.good_share) for each in found.tenants] == [(0.5, 1.0), (0.5, 1.0), (5.0, 1.0)]


def test_a_greedy_tenant_that_starves_the_others_shows_in_goodput_p90_and_jain() -> None:
    records = [*of("a", 10, ttft_s=9.0), *of("b", 5, ending=Ending.HTTP_429, ttft_s=9.0), *of("c", 100)]
    a, b, c = (found := fairness_of(records, SMALL_AND_GREEDY, slo=Slo(ttft_s=1.0), window_s=10.0)).tenants
    assert (a.ok, a.good, b.refused, b.errors, c.good) == (10, 0, 5, 5, 100)
    assert (a.ttft.percentile(90), b.ttft.percentile(90), c.ttft.percentile(90)) == (9.0, float("inf"), 0.1)
    assert found.jain == pytest.approx(1 / 3)


def test_a_tenant_that_was_never_served_has_a_row() -> None:
    found = fairness_of(of("a", 3), SMALL_AND_GREEDY[:2], slo=Slo(), window_s=1.0)
    assert [each.requests for each in found.tenants] == [3, 0]


def test_a_run_with_one_key_has_no_tenants() -> None:
    found = fairness_of([record()], (), slo=Slo(), window_s=1.0)
    assert (found.tenants, found.jain) == ((), None)


@given(st.lists(st.integers(1, 20), min_size=2, max_size=6))
def test_users_are_as_many_as_the_weights_and_mixed(weights: list[int]) -> None:
    tenants = [Tenant(str(number), float(weight)) for number, weight in enumerate(weights)]
    found = seats(tenants)
    assert Counter(found) == {tenant.name: int(tenant.weight) for tenant in tenants}
    for end in range(1, len(found) + 1):
        counts = Counter(found[:end])
        assert all(abs(counts[each.name] - end * each.weight / sum(weights)) <= len(weights) for each in tenants)


def test_arrivals_are_drawn_by_weight_and_alike_for_the_same_seed() -> None:
    first, again = (list(itertools.islice(draws(SMALL_AND_GREEDY, random.Random(7)), 12_000)) for _ in range(2))
    assert first == again
    assert Counter(first)["c"] == pytest.approx(10_000, rel=0.02)


def test_without_tenants_nobody_is_named() -> None:
    assert seats(()) == ("",)
    assert next(draws((), random.Random(1))) == ""
