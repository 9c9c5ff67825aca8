"""The adaptive policy on a fleet of its own clock: what it chooses, what it learns, what it never does.

Several of these are traps that balancers in the field have fallen into: prefixes that never look at load or lose to any
imbalance, unmeasured nodes flooded or never tried, failing nodes that look fast, ties broken by the order of a list,
counts that some endpoint or some ending leaves behind.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import count
from random import Random

import pytest
from fakes.fleet import BAD, MODEL, REFUSED, FleetKit
from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.balancer import Refused
from llmlb.core.change import ChangeKind
from llmlb.core.choice import Cost, Endpoint, InferenceRequest, Objective, Prompt, Reason
from llmlb.core.lease import Lease
from llmlb.core.node import Beat, NodeId, Profile
from llmlb.core.outcome import Outcome, OutcomeKind, Usage
from llmlb.core.prefix import BLOCK_BYTES
from llmlb.policies.adaptive import AdaptivePolicy
from llmlb.policies.adaptive import policy as policy_module
from llmlb.policies.adaptive.line import FadingLine
from llmlb.policies.adaptive.policy import STALE_S
from llmlb.policies.metrics import MetricsPolicy

_fresh = count(1)


@dataclass
class Rig:
    """A fleet under the adaptive policy. ``turn`` lets a node answer one request in so many seconds."""

    kit: FleetKit
    policy: AdaptivePolicy

    @classmethod
    def of(cls, *names: str, models: tuple[str, ...] | None = (MODEL,)) -> Rig:
        policy = AdaptivePolicy()
        kit = FleetKit(policy=policy)
        for name in names:
            kit.node(name, gpu=None, score=0, models=models)
        return cls(kit, policy)

    def ask(
        self,
        tokens: int = 1000,
        *,
        blocks: tuple[int, ...] = (),
        model: str = MODEL,
        stream: bool = True,
        tried: tuple[str, ...] = (),
        endpoint: Endpoint = Endpoint.CHAT,
        objective: Objective | None = None,
    ) -> InferenceRequest:
        size = max(tokens * 4, len(blocks) * BLOCK_BYTES)
        return InferenceRequest(
            model,
            endpoint,
            stream=stream,
            tried=tuple(NodeId(name) for name in tried),
            prompt=Prompt(blocks, size),
            objective=objective,
        )

    def take(self, request: InferenceRequest | None = None) -> Lease:
        offer = self.kit.balancer.offer(request or self.ask(), self.kit.now_s)
        assert isinstance(offer, Lease), offer
        return offer

    def first(self, lease: Lease, after_s: float = 0.0) -> None:
        self.kit.now_s += after_s
        self.kit.balancer.first_token(lease, self.kit.now_s)

    def end(self, lease: Lease, after_s: float = 0.0, usage: Usage | None = None) -> None:
        self.kit.now_s += after_s
        self.kit.settle(lease, Outcome(OutcomeKind.ANSWERED, usage=usage or Usage(completion=20)))

    def teach(self, speeds: dict[str, float], *, rounds: int = 12) -> None:
        """Let each node answer some requests alone: so many prompt tokens a second, 10 ms a token."""
        for round_ in range(rounds):
            for name, speed in speeds.items():
                others = tuple(other.id for other in self.kit.fleet if other.id != name)
                tokens = 500 + 250 * (round_ % 6)
                lease = self.take(self.ask(tokens, tried=others))
                assert lease.node.id == name
                self.first(lease, tokens / speed)
                self.end(lease, 0.2)

    def costs(self, request: InferenceRequest | None = None) -> dict[str, Cost]:
        request = request or self.ask()
        pool = self.kit.fleet.candidates(request.model)
        assert pool is not None
        return {cost.node_id: cost for cost in self.policy.explain(request, pool, self.kit.now_s)}


def chain(length: int) -> tuple[int, ...]:
    return tuple(next(_fresh) << 20 for _ in range(length))


# What engines say of themselves


def tell(rig: Rig, name: str, *, prefill: float | None, decode: float | None, models: tuple[str, ...]) -> None:
    node = rig.kit.fleet.get(NodeId(name))
    assert node is not None
    beat = Beat(loaded_models=models, prefill_rate=prefill, decode_rate=decode)
    rig.kit.fleet.beat(node, beat, now_s=rig.kit.now_s, unix_s=0.0)


def test_the_counters_of_an_engine_tell_its_speed_until_something_is_seen_of_it() -> None:
    rig = Rig.of("fast", "slow")
    tell(rig, "fast", prefill=10_000.0, decode=100.0, models=(MODEL,))
    tell(rig, "slow", prefill=200.0, decode=5.0, models=(MODEL,))
    assert rig.take(rig.ask(4000)).node.id == "fast"
    costs = rig.costs(rig.ask(4000))
    assert costs["slow"].terms["prefill"] > 10 * costs["fast"].terms["prefill"]
    assert costs["slow"].terms["decode"] > 10 * costs["fast"].terms["decode"]


def test_what_is_seen_of_a_node_counts_more_than_what_it_says() -> None:
    rig = Rig.of("liar", "honest")
    tell(rig, "liar", prefill=1_000_000.0, decode=10_000.0, models=(MODEL,))
    rig.teach({"liar": 100.0, "honest": 5_000.0})
    tell(rig, "liar", prefill=1_000_000.0, decode=10_000.0, models=(MODEL,))
    rig.kit.now_s += 2.0
    assert rig.take(rig.ask(4000)).node.id == "honest"


def test_counters_over_several_models_say_nothing_of_one_of_them() -> None:
    rig = Rig.of("a", "b", models=(MODEL, "other"))
    tell(rig, "a", prefill=10.0, decode=1.0, models=(MODEL, "other"))
    costs = rig.costs()
    assert costs["a"].terms == costs["b"].terms


# Spreading


def test_thirty_at_once_over_three_equal_idle_nodes_land_ten_each() -> None:
    rig = Rig.of("a", "b", "c")
    assert Counter(rig.take().node.id for _ in range(30)) == {"a": 10, "b": 10, "c": 10}


@pytest.mark.parametrize("names", ["abcd", "dcba", "cadb"])
def test_the_order_of_the_candidates_starves_nobody(names: str) -> None:
    rig = Rig.of(*names)
    chosen: Counter[str] = Counter()
    for _ in range(400):
        lease = rig.take()
        chosen[lease.node.id] += 1
        rig.first(lease, 0.1)
        rig.end(lease, 0.5)
    assert min(chosen.values()) >= 50


def test_a_node_that_reads_faster_gets_more_and_a_slow_one_still_some() -> None:
    rig = Rig.of("fast", "slow")
    rig.teach({"fast": 10_000, "slow": 1_000})
    chosen: Counter[str] = Counter(rig.take(rig.ask(1000)).node.id for _ in range(22))
    assert chosen["fast"] in range(18, 22)
    assert chosen["slow"] >= 1


def test_a_new_node_is_neither_starved_nor_flooded() -> None:
    rig = Rig.of("a", "b")
    rig.teach({"a": 4_000, "b": 4_000})
    rig.kit.node("new", gpu=None, score=0)
    chosen: Counter[str] = Counter(rig.take().node.id for _ in range(30))
    assert 7 <= chosen["new"] <= 13


def test_an_instantly_failing_node_does_not_attract_traffic() -> None:
    rig = Rig.of("bad", "good")
    chosen: Counter[str] = Counter()
    for _ in range(60):
        lease = rig.take()
        chosen[lease.node.id] += 1
        if lease.node.id == "bad":
            rig.kit.now_s += 0.001
            rig.policy.ended(lease.request, lease.node.id, BAD, rig.kit.now_s)
            lease.policies = ()
            rig.end(lease)
        else:
            rig.first(lease, 0.25)
            rig.end(lease, 0.3)
    assert chosen["bad"] <= 8


def test_a_failure_teaches_nothing_about_speed() -> None:
    rig = Rig.of("a", "b")
    before = rig.costs()["a"].terms["prefill"]
    lease = rig.take(rig.ask(tried=("b",)))
    rig.kit.settle(lease, BAD)
    assert rig.costs()["a"].terms["prefill"] == before
    assert rig.costs()["a"].terms["penalty"] > 0


def test_a_retry_goes_to_another_node() -> None:
    rig = Rig.of("a", "b")
    rig.teach({"a": 100_000, "b": 100})
    lease = rig.take(rig.ask(tried=("a",)))
    assert (lease.node.id, lease.reason) == ("b", Reason.RETRY)


def test_a_slow_node_without_news_gets_the_benefit_of_the_doubt() -> None:
    rig = Rig.of("a", "b")
    rig.teach({"a": 8_000, "b": 200})
    slow_s = rig.costs()["b"].terms["prefill"]
    for _ in range(30):
        rig.kit.now_s += 130.0
        for name in "ab":
            node = rig.kit.fleet.get(NodeId(name))
            assert node is not None
            rig.kit.beat(node, gpu=None)
        lease = rig.take(rig.ask(tried=("b",)))
        rig.first(lease, 0.13)
        rig.end(lease, 0.2)
    assert rig.costs()["b"].terms["prefill"] < slow_s / 4


def test_the_benefit_of_the_doubt_shows_in_the_same_choice() -> None:
    rig = Rig.of("fast", "slow")
    rig.teach({"fast": 8_000, "slow": 200})
    rig.kit.now_s += STALE_S - 1.0
    before_s = rig.costs()["slow"].total_s
    rig.kit.now_s += 0.9
    for _ in range(2):
        rig.take()
    assert rig.costs()["slow"].total_s < 0.8 * before_s


def test_a_first_token_that_is_overdue_counts_from_the_moment_on() -> None:
    rig = Rig.of("a", "b")
    rig.teach({"a": 4_000, "b": 4_000})
    lease = rig.take(rig.ask(2000))
    assert rig.costs()[lease.node.id].terms["wait"] == pytest.approx(0.5, abs=0.1)
    rig.kit.now_s += 0.8
    assert rig.costs()[lease.node.id].terms["wait"] == pytest.approx(0.3, abs=0.1)


def test_work_that_another_policy_gave_out_counts_as_well() -> None:
    rig = Rig.of("a", "b")
    offer = rig.kit.balancer.offer(rig.ask(8000), rig.kit.now_s, policy=MetricsPolicy())
    assert isinstance(offer, Lease)
    lease = offer
    assert rig.costs()[lease.node.id].terms["wait"] > 0
    rig.first(lease, 1.0)
    rig.end(lease)
    assert rig.costs()[lease.node.id].terms["wait"] == 0


# Prefixes


def test_a_conversation_stays_where_its_beginning_was_read() -> None:
    rig = Rig.of("a", "b", "c")
    rig.teach({"a": 3_000, "b": 3_000, "c": 3_000})
    turns = chain(12)
    home = rig.take(rig.ask(blocks=turns[:8]))
    rig.first(home, 1.4)
    rig.end(home, 0.5)
    for _ in range(3):
        other = rig.take()
        rig.first(other, 0.3)
        rig.end(other, 0.2)
    lease = rig.take(rig.ask(blocks=turns))
    assert lease.node.id == home.node.id


def test_affinity_is_named_as_the_reason_only_when_it_decided() -> None:
    rig = Rig.of("a", "b")
    rig.teach({"a": 4_000, "b": 4_000})
    turns = chain(8)
    home = rig.take(rig.ask(blocks=turns))
    assert home.reason is Reason.LEAST_WAIT
    rig.first(home, 1.0)
    busy = rig.take(rig.ask(500, tried=tuple({"a", "b"} - {home.node.id})))
    assert busy.node.id == home.node.id
    lease = rig.take(rig.ask(blocks=turns))
    assert (lease.node.id, lease.reason) == (home.node.id, Reason.AFFINITY)


def test_a_hot_prefix_never_overloads_its_node() -> None:
    rig = Rig.of("a", "b", "c", "d")
    rig.teach(dict.fromkeys("abcd", 4_000))
    hot = chain(4)
    chosen = Counter(rig.take(rig.ask(3000, blocks=hot)).node.id for _ in range(40))
    assert len(chosen) == 4
    assert max(chosen.values()) <= 20


def test_one_imbalance_does_not_end_all_affinity() -> None:
    rig = Rig.of("a", "b")
    rig.teach({"a": 2_000, "b": 2_000})
    turns = chain(16)
    home = rig.take(rig.ask(blocks=turns))
    rig.first(home, 4.0)
    for _ in range(6):
        rig.take(rig.ask(100, tried=tuple({"a", "b"} - {home.node.id})))
    assert rig.take(rig.ask(blocks=turns)).node.id == home.node.id


def test_a_beginning_that_every_node_holds_decides_nothing() -> None:
    rig = Rig.of("a", "b")
    system = chain(4)
    for name in "ab":
        lease = rig.take(rig.ask(blocks=system, tried=tuple({"a", "b"} - {name})))
        rig.first(lease, 0.5)
        rig.end(lease, 0.1)
    chosen = [rig.take(rig.ask(blocks=system + chain(2))) for _ in range(10)]
    assert Counter(lease.node.id for lease in chosen) == {"a": 5, "b": 5}
    assert {lease.reason for lease in chosen} == {Reason.LEAST_WAIT}


def test_an_engine_that_does_not_find_prefixes_again_is_not_credited_with_them() -> None:
    rig = Rig.of("a", "b")
    turns = chain(10)
    for _ in range(60):
        lease = rig.take(rig.ask(blocks=turns, tried=("b",)))
        rig.first(lease, 1.0)
        rig.end(lease, 0.2, Usage(prompt=5120, cached=0, completion=20))
    with_prefix = rig.costs(rig.ask(blocks=turns))["a"].terms["prefill"]
    without = rig.costs(rig.ask(5120))["a"].terms["prefill"]
    assert with_prefix > 0.9 * without


def test_what_never_reached_a_node_is_not_held_by_it() -> None:
    rig = Rig.of("a", "b")
    turns = chain(8)
    lease = rig.take(rig.ask(blocks=turns))
    rig.kit.settle(lease, BAD)
    costs = rig.costs(rig.ask(blocks=turns))
    assert costs["a"].terms["prefill"] == costs["b"].terms["prefill"]


def test_a_removed_node_takes_its_entries_along() -> None:
    rig = Rig.of("a", "b")
    turns = chain(8)
    lease = rig.take(rig.ask(blocks=turns, tried=("b",)))
    rig.first(lease, 1.0)
    rig.end(lease)
    rig.kit.fleet.remove(lease.node, ChangeKind.DELETED, cause="test")
    rig.kit.balancer.forget(lease.node.id)
    rig.kit.node("a", gpu=None, score=0)
    costs = rig.costs(rig.ask(blocks=turns))
    assert costs["a"].terms["prefill"] == costs["b"].terms["prefill"]
    assert set(rig.policy._works) == {"a", "b"}


# Loads


def cold_fleet(*names: str) -> Rig:
    rig = Rig.of()
    for name in names:
        node, _ = rig.kit.fleet.register(NodeId(name), Profile(url="http://node"), beat(()), rig.kit.now_s)
        rig.kit.fleet.beat(node, beat(()), now_s=rig.kit.now_s, unix_s=0.0)
        rig.kit.fleet.approve(node, rig.kit.now_s)
    return rig


def beat(loaded: tuple[str, ...]) -> Beat:
    return Beat(loaded_models=loaded, available_models=(MODEL, "other"))


def test_twenty_cold_requests_at_once_cause_one_load() -> None:
    rig = cold_fleet("a", "b", "c")
    assert len({rig.take().node.id for _ in range(20)}) == 1


def test_a_resident_model_is_preferred_to_a_load() -> None:
    rig = cold_fleet("cold1", "cold2")
    rig.kit.node("warm", gpu=None, score=0)
    leases = [rig.take(rig.ask(500)) for _ in range(10)]
    assert {lease.node.id for lease in leases} == {"warm"}
    assert "load" in rig.costs()["cold1"].terms


@pytest.mark.parametrize(("load_s", "spills"), [(1.0, True), (40.0, False)])
def test_busy_and_resident_or_idle_and_cold_is_decided_by_time(load_s: float, *, spills: bool) -> None:
    rig = cold_fleet("cold", "warm")
    warm = rig.kit.fleet.get(NodeId("warm"))
    cold = rig.kit.fleet.get(NodeId("cold"))
    assert warm is not None
    assert cold is not None
    for _ in range(6):
        lease = rig.take(rig.ask(400, tried=("warm",)))
        rig.first(lease, load_s + 0.15)
        rig.end(lease, 0.1)
        rig.kit.now_s += 60.0
        for node, loaded in ((warm, (MODEL,)), (cold, ())):
            rig.kit.fleet.beat(node, beat(loaded), now_s=rig.kit.now_s, unix_s=0.0)
    chosen = {rig.take(rig.ask(4000)).node.id for _ in range(8)}
    assert ("cold" in chosen) is spills


def test_a_node_that_just_answered_is_believed_over_an_older_heartbeat() -> None:
    rig = cold_fleet("a")
    lease = rig.take()
    rig.first(lease, 12.0)
    rig.end(lease, 1.0)
    rig.kit.now_s += 5.0
    assert "load" not in rig.costs()["a"].terms


def test_a_load_behind_an_answer_that_comes_whole_is_seen_too() -> None:
    rig = cold_fleet("a")
    lease = rig.take(rig.ask(stream=False))
    rig.end(lease, 25.0, Usage(prompt=1000, completion=20))
    assert "load" not in rig.costs()["a"].terms
    assert 15.0 < rig.policy._books[MODEL].load_s < 25.0


# Learning


def test_estimates_of_tokens_follow_what_engines_report() -> None:
    rig = Rig.of("a")
    for _ in range(60):
        lease = rig.take(rig.ask(1000))
        rig.first(lease, 0.2)
        rig.end(lease, 0.1, Usage(prompt=2000, completion=20))
    book = rig.policy._books[MODEL]
    assert book.bytes_per_token == pytest.approx(2.0, rel=0.05)
    assert book.output_tokens == pytest.approx(20, rel=0.2)


def test_the_engines_own_timings_are_believed_over_the_clock() -> None:
    rig = Rig.of("a")
    for tokens in (500, 900, 1300) * 15:
        lease = rig.take(rig.ask(tokens))
        rig.first(lease, 3.0)
        rig.end(lease, 1.0, Usage(prompt=tokens, cached=0, completion=20, prefill_s=tokens / 5000, decode_s=0.4))
    assert rig.costs(rig.ask(1000))["a"].terms["prefill"] == pytest.approx(0.2, rel=0.1)


def test_answers_that_come_whole_teach_too() -> None:
    rig = Rig.of("fast", "slow")
    for _ in range(15):
        for name, seconds in (("fast", 0.5), ("slow", 5.0)):
            lease = rig.take(rig.ask(1000, stream=False, tried=tuple({"fast", "slow"} - {name})))
            rig.end(lease, seconds, Usage(prompt=1000, completion=30))
    costs = rig.costs(rig.ask(1000, stream=False))
    assert costs["slow"].total_s > 5 * costs["fast"].total_s


def test_embeddings_teach_although_they_write_nothing() -> None:
    rig = Rig.of("a")
    for _ in range(30):
        lease = rig.take(rig.ask(1000, stream=False, endpoint=Endpoint.EMBEDDINGS))
        rig.end(lease, 2.0, Usage(prompt=1000))
    cost = rig.costs(rig.ask(1000, endpoint=Endpoint.EMBEDDINGS))["a"]
    assert cost.total_s == pytest.approx(2.0, rel=0.1)
    assert cost.terms["decode"] == pytest.approx(0.0, abs=1e-9)


def test_a_node_that_lies_about_its_usage_spoils_no_estimate_for_good() -> None:
    rig = Rig.of("a")
    for prefill_s in (float("nan"), float("inf"), -1.0, 1e300):
        usage = Usage(prompt=1 << 52, cached=0, completion=1 << 52, prefill_s=prefill_s, decode_s=prefill_s)
        lease = rig.take()
        rig.first(lease, 0.2)
        rig.end(lease, 0.1, usage)
    rig.teach({"a": 4_000}, rounds=150)
    cost = rig.costs(rig.ask(1000))["a"]
    assert cost.total_s == pytest.approx(0.3, rel=0.3)


# Explaining and shedding


def test_the_terms_of_a_cost_are_seconds_that_add_up() -> None:
    rig = cold_fleet("a", "b")
    rig.kit.node("c", gpu=None, score=0)
    rig.kit.settle(rig.take(), BAD)
    for _ in range(6):
        lease = rig.take()
    assert len(lease.costs) == 3
    assert lease.costs[0].node_id == lease.node.id
    for cost in (*lease.costs, *rig.costs().values()):
        assert sum(cost.terms.values()) == pytest.approx(cost.total_s)
        assert all(seconds >= -1e-9 for name, seconds in cost.terms.items() if name != "trial")


def test_the_best_four_are_shown_cheapest_first() -> None:
    rig = Rig.of(*"abcdefgh")
    lease = rig.take()
    assert len(lease.costs) == 4
    assert [cost.total_s for cost in lease.costs] == sorted(cost.total_s for cost in lease.costs)
    assert len(rig.costs()) == 8


def test_explaining_changes_no_choice() -> None:
    rigs = [Rig.of("a", "b", "c") for _ in range(2)]
    chosen = []
    for asked, rig in enumerate(rigs):
        for _ in range(12):
            if asked:
                rig.costs()
            chosen.append(rig.take().node.id)
    assert chosen[:12] == chosen[12:]


def test_without_an_objective_nothing_is_shed() -> None:
    rig = Rig.of("a")
    for _ in range(50):
        assert isinstance(rig.kit.balancer.offer(rig.ask(4000), rig.kit.now_s, waiter=Waits()), Lease)


def test_who_cannot_be_answered_in_time_is_told_when_to_come_back() -> None:
    rig = Rig.of("a", "b")
    rig.teach({"a": 1_000, "b": 1_000})
    wanted = Objective(ttft_s=2.5, tpot_s=1.0)
    offers = [rig.kit.balancer.offer(rig.ask(1000, objective=wanted), rig.kit.now_s, waiter=Waits()) for _ in range(8)]
    leases = [offer for offer in offers if isinstance(offer, Lease)]
    refused = [offer for offer in offers if isinstance(offer, Refused)]
    assert (len(leases), len(refused)) == (4, 4)
    assert refused[0].retry_after_s is not None
    rig.kit.now_s += refused[0].retry_after_s + 0.9
    for lease in leases[:2]:
        rig.first(lease)
    again = rig.kit.balancer.offer(rig.ask(1000, objective=wanted), rig.kit.now_s, waiter=Waits())
    assert isinstance(again, Lease)


def test_a_model_that_nobody_has_loaded_is_loaded_and_not_refused_for_ever() -> None:
    rig = cold_fleet("a", "b")
    wanted = Objective(ttft_s=2.0, tpot_s=1.0)
    assert isinstance(rig.kit.balancer.offer(rig.ask(objective=wanted), rig.kit.now_s, waiter=Waits()), Lease)


def test_a_prompt_too_long_for_an_idle_fleet_is_answered_late_and_not_refused_for_ever() -> None:
    rig = Rig.of("a")
    rig.teach({"a": 1_000})
    wanted = Objective(ttft_s=2.0, tpot_s=1.0)
    offer = rig.kit.balancer.offer(rig.ask(30_000, objective=wanted), rig.kit.now_s, waiter=Waits())
    assert isinstance(offer, Lease)


def test_the_pace_of_an_answer_counts_where_it_has_an_objective() -> None:
    rig = Rig.of("crowded", "slow")
    for name, peers in (("crowded", 30), ("slow", 0)):
        lane = rig.policy._lane(rig.policy._book(MODEL), MODEL, NodeId(name))
        lane.samples = 10
        lane.prefill = FadingLine(0.0, 0.0001 if peers else 0.0003, 2000.0)
        lane.decode = FadingLine(0.02, 0.005, 8.0)
        for _ in range(peers):
            lease = rig.take(rig.ask(10, tried=("slow",)))
            rig.first(lease)
    wanted = Objective(ttft_s=2.0, tpot_s=0.1)
    with_objective = rig.costs(rig.ask(objective=wanted))
    assert with_objective["crowded"].terms["pace"] == pytest.approx(0.3 * 200 * 0.07)
    assert with_objective["slow"].terms["pace"] == 0
    assert "pace" not in rig.costs()["crowded"].terms
    assert rig.take(rig.ask(objective=wanted)).node.id == "slow"


def test_a_request_of_unknown_size_is_priced_like_the_usual_one() -> None:
    rig = Rig.of("a")
    rig.teach({"a": 1_000})
    assert rig.costs(InferenceRequest(MODEL))["a"].terms["prefill"] == pytest.approx(1.0, rel=0.1)


class Waits:
    def refused(self, kind: object) -> None:
        raise AssertionError(kind)


# Bounds


def test_a_thousand_nodes_are_all_tried_and_prefixes_found_among_them() -> None:
    names = [f"n{number}" for number in range(1000)]
    rig = Rig.of(*names)
    turns = chain(20)
    home = rig.take(rig.ask(blocks=turns))
    rig.first(home, 1.0)
    chosen = Counter(rig.take(rig.ask(1000)).node.id for _ in range(2000))
    assert len(chosen) == 1000
    assert max(chosen.values()) <= 4
    assert rig.take(rig.ask(blocks=turns)).node.id == home.node.id


def test_few_fast_nodes_among_many_slow_ones_are_not_lost_in_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"n{number}" for number in range(40)]
    rig = Rig.of(*names)
    rig.teach({name: 20_000 if place < 3 else 500 for place, name in enumerate(names)}, rounds=4)
    monkeypatch.setattr(policy_module, "SCANNED_CANDIDATES", 8)
    monkeypatch.setattr(policy_module, "SAMPLED_CANDIDATES", 4)
    monkeypatch.setattr(policy_module, "REMEMBERED_CANDIDATES", 4)
    chosen: Counter[str] = Counter()
    for _ in range(60):
        lease = rig.take()
        chosen[lease.node.id] += 1
        rig.first(lease, 0.05 if lease.node.id in ("n0", "n1", "n2") else 2.0)
        rig.end(lease, 0.2)
    assert chosen["n0"] + chosen["n1"] + chosen["n2"] >= 48


def test_nothing_of_a_request_is_kept_after_its_end() -> None:
    rig = Rig.of("a", "b")
    endings = [
        Outcome(OutcomeKind.ANSWERED),
        BAD,
        REFUSED,
        Outcome(OutcomeKind.BUSY, rest_s=0.0),
        Outcome.cancelled(),
    ]
    for step, outcome in enumerate(endings * 4):
        lease = rig.take(rig.ask(blocks=chain(3), stream=bool(step % 2)))
        if step % 3 == 0:
            rig.first(lease, 0.1)
        rig.kit.now_s += 1.0
        rig.policy.ended(lease.request, lease.node.id, outcome, rig.kit.now_s)
        lease.policies = ()
        rig.end(lease)
    assert rig.policy._entries == {}
    assert all(not work.waiting and work.in_flight == 0 for work in rig.policy._works.values())
    assert all(not work._waiting_lanes for work in rig.policy._works.values())


def test_models_that_nobody_asks_for_any_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_module, "MAX_BOOKS", 10)
    models = tuple(f"m{number}" for number in range(40))
    rig = Rig.of("a", models=models)
    for model in models:
        rig.end(rig.take(rig.ask(model=model)), 0.1)
    assert len(rig.policy._books) == 10
    assert len(rig.policy._works[NodeId("a")].lanes) == 10


@given(st.integers(0, 1 << 32), st.lists(st.sampled_from("ttttfeexdbr"), max_size=60))
def test_whatever_happened_a_candidate_is_chosen(seed: int, steps: list[str]) -> None:
    rng = Random(seed)
    rig = Rig.of("a", "b", "c", models=None)
    prefixes = [chain(5), chain(3), ()]
    leases: list[Lease] = []
    for step in steps:
        rig.kit.now_s += rng.random()
        if step == "t":
            model = rng.choice((MODEL, "other"))
            request = rig.ask(
                rng.randrange(1, 9000),
                blocks=rng.choice(prefixes),
                model=model,
                stream=rng.random() < 0.7,
                objective=rng.choice((None, Objective(0.5, 0.1))),
            )
            offer = rig.kit.balancer.offer(request, rig.kit.now_s, waiter=Waits())
            if isinstance(offer, Lease):
                leases.append(offer)
                assert offer.node.id in rig.kit.names(model)
        elif step == "d":
            node = rig.kit.fleet.get(NodeId("c"))
            if node is not None:
                rig.kit.fleet.remove(node, ChangeKind.DELETED, cause="test")
                rig.kit.balancer.forget(node.id)
        elif step == "r":
            rig.kit.node("c", gpu=None, score=0, models=None)
        elif leases:
            lease = rng.choice(leases)
            if step == "f":
                rig.first(lease)
            else:
                leases.remove(lease)
                tokens = rng.choice((None, 0, 1, 500))
                usage = Usage(prompt=tokens, cached=rng.choice((None, 0, 400)), completion=tokens)
                outcome = Outcome(OutcomeKind.ANSWERED, usage=usage) if step == "e" else Outcome.cancelled()
                rig.kit.settle(lease, outcome)
    for lease in leases:
        rig.kit.settle(lease, Outcome.cancelled())
    assert rig.policy._entries == {}
    assert all(work.in_flight == 0 for work in rig.policy._works.values())
