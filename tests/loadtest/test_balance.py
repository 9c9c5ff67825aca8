from __future__ import annotations

import pytest
from loadtest.examples import fleet_records, record

from llmlb.loadtest.balance import Balance, balance_of, chi_square_p, jain, most_at_once
from llmlb.loadtest.record import Label, Record, Tokens
from llmlb.loadtest.taxonomy import Ending


def balance(records: list[Record], nodes: tuple[str, ...] = (), **weights: float) -> Balance:
    return balance_of(records, weights=weights, nodes=nodes, window_s=1.0)


def test_an_even_spread_has_jain_one_and_an_imbalance_of_one() -> None:
    found = balance([record(i, node=f"n{i % 3}") for i in range(30)])
    assert found.jain == pytest.approx(1)
    assert found.imbalance == pytest.approx(1)
    assert found.as_intended is not None
    assert found.as_intended > 0.9
    assert [node.share for node in found.nodes] == [pytest.approx(1 / 3)] * 3


def test_a_node_that_got_nothing_is_shown_and_spoils_the_balance() -> None:
    found = balance([record(i, node="n1") for i in range(30)], nodes=("n1", "n2"))
    assert [(node.node, node.requests) for node in found.nodes] == [("n1", 30), ("n2", 0)]
    assert found.imbalance == pytest.approx(2)
    assert found.jain == pytest.approx(0.5)
    assert found.as_intended is not None
    assert found.as_intended < 0.001


def test_weights_make_an_uneven_spread_the_intended_one() -> None:
    records = [record(i, node="big" if i % 3 else "small") for i in range(30)]
    found = balance(records, big=2.0)
    assert found.jain == pytest.approx(1)
    assert found.imbalance == pytest.approx(1)


def test_nodes_are_sorted_as_people_count() -> None:
    found = balance([record(i, node=f"node-{i}") for i in (10, 2, 1)])
    assert [node.node for node in found.nodes] == ["node-1", "node-2", "node-10"]


def test_retries_and_failovers_are_told_apart() -> None:
    found = balance([record(0, attempts=3), record(1, attempts=2, ending=Ending.HTTP_503, ttft_s=None), record(2)])
    assert (found.retries, found.failovers) == (3, 1)


def test_a_failure_is_lost_only_while_others_are_answered() -> None:
    answered = record(0, at_s=0.0, e2e_s=1.0)
    during = record(1, at_s=0.5, ttft_s=None, ending=Ending.HTTP_503)
    after = record(2, at_s=5.0, ttft_s=None, ending=Ending.HTTP_503)
    refused = record(3, at_s=0.5, ttft_s=None, ending=Ending.HTTP_429)
    broken = record(4, at_s=0.5, ending=Ending.TRUNCATED)
    assert balance([answered, during, after, refused, broken]).lost == 1
    assert balance([answered, during, after, refused, broken]).broken == 1
    assert balance([during]).lost == 0


def test_affinity_is_the_share_of_turns_that_stayed() -> None:
    nodes = ["a", "a", "b", "b"]
    records = [record(t, node=node, label=Label(t, session=0, turn=t)) for t, node in enumerate(nodes)]
    assert balance(records).affinity == pytest.approx(2 / 3)
    assert balance([record(0, node="a")]).affinity is None


def test_hit_rate_counts_cached_prompt_tokens_of_those_who_tell() -> None:
    told = record(0, node="a", tokens=Tokens(prompt=100, completion=3, cached=80))
    silent = record(1, node="a", tokens=Tokens(prompt=100, completion=3))
    assert balance([told, silent]).hit_rate == pytest.approx(0.8)
    assert balance([silent]).hit_rate is None


def test_reasons_are_counted_with_their_mean_ttft() -> None:
    found = balance(fleet_records()).reasons
    assert [(each.reason, each.requests) for each in found] == [("least_active", 52), ("retry", 6)]
    assert found[1].ttft_mean_s == pytest.approx(0.1 + 0.002 * 6, abs=0.01)


@pytest.mark.parametrize(
    ("observed", "p"),
    [((10, 10, 10), 1.0), ((44, 56), 0.2301), ((20, 30, 40), 0.0357), ((10, 20, 30, 40), 0.0002)],
)
def test_chi_square_agrees_with_tables(observed: tuple[int, ...], p: float) -> None:
    assert chi_square_p(observed, [1.0] * len(observed)) == pytest.approx(p, abs=0.005)


def test_too_few_requests_say_nothing_about_the_spread() -> None:
    assert chi_square_p([1, 3], [1, 1]) is None
    assert jain([1.0]) is None
    assert jain([0.0, 0.0]) is None


def test_most_at_once_counts_overlaps() -> None:
    assert most_at_once([record(i, at_s=i * 0.5, e2e_s=1.2) for i in range(5)]) == 3
