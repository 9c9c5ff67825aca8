"""The choice is written for speed; here is what it has to come to, written for reading."""

from __future__ import annotations

from random import Random

import pytest
from fakes.fleet import BAD, FleetKit
from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.choice import Candidate, InferenceRequest, Objective, Prompt, Reason
from llmlb.core.lease import Lease
from llmlb.core.node import NodeId
from llmlb.core.outcome import Outcome, OutcomeKind, Usage
from llmlb.core.prefix import BLOCK_BYTES
from llmlb.policies.adaptive import AdaptivePolicy
from llmlb.policies.adaptive import policy as policy_module
from llmlb.policies.adaptive.lane import LOOK_S, Lane
from llmlb.policies.adaptive.policy import MATCHING_CANDIDATES, SAMPLED_CANDIDATES

MODELS = ("m", "other")
PREFIXES: tuple[tuple[int, ...], ...] = ((), (1, 2, 3, 4, 5), (1, 2, 6), (7,))


class Life:
    """A fleet of six through a random piece of its life."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.policy = AdaptivePolicy()
        self.kit = FleetKit(policy=self.policy)
        for number in range(6):
            models = MODELS if self.rng.random() < 0.7 else None
            self.kit.node(f"n{number}", gpu=None, score=0, models=models)
        self.leases: list[Lease] = []
        if self.rng.random() < 0.7:
            self.learn()

    def learn(self) -> None:
        """Some answers of each node, which then is no stranger any more."""
        for number in range(6):
            others = tuple(NodeId(f"n{other}") for other in range(6) if other != number)
            speed = self.rng.uniform(0.5, 5.0)
            for tokens in (500, 1500, 900, 2000):
                request = InferenceRequest("m", stream=True, tried=others, prompt=Prompt((), 4 * tokens))
                offer = self.kit.balancer.offer(request, self.kit.now_s)
                assert isinstance(offer, Lease)
                self.kit.now_s += speed * tokens / 4000
                self.kit.balancer.first_token(offer, self.kit.now_s)
                self.kit.now_s += speed
                self.kit.settle(offer, Outcome(OutcomeKind.ANSWERED, usage=Usage(prompt=tokens, completion=40)))

    def request(self) -> InferenceRequest:
        rng, blocks = self.rng, self.rng.choice(PREFIXES)
        return InferenceRequest(
            rng.choice(MODELS),
            stream=rng.random() < 0.7,
            max_tokens=rng.choice((None, 5, 5000)),
            prompt=rng.choice((None, Prompt(blocks, len(blocks) * BLOCK_BYTES + rng.randrange(9000)))),
            objective=rng.choice((None, Objective(rng.choice((0.3, 5.0, 100.0)), rng.choice((0.01, 0.05, 1.0))))),
        )

    def live(self, steps: int) -> None:
        rng = self.rng
        for _ in range(steps):
            self.kit.now_s += rng.choice((0.001, 0.001, 0.3, 3.0, 40.0)) * rng.random()
            what = rng.random()
            if what < 0.5 or not self.leases:
                offer = self.kit.balancer.offer(self.request(), self.kit.now_s)
                if isinstance(offer, Lease):
                    self.leases.append(offer)
            elif what < 0.75:
                self.kit.balancer.first_token(rng.choice(self.leases), self.kit.now_s)
            else:
                lease = self.leases.pop(rng.randrange(len(self.leases)))
                usage = Usage(prompt=rng.randrange(1, 6000), cached=rng.choice((None, 0, 400)), completion=50)
                answered = Outcome(OutcomeKind.ANSWERED, usage=usage)
                self.kit.settle(lease, rng.choice((answered, answered, answered, BAD)))

    def plain_costs(self, request: InferenceRequest) -> dict[str, tuple[float, int, int]]:
        """Seconds, tokens to read, and the turn."""
        pool = self.kit.fleet.candidates(request.model)
        assert pool is not None
        return {node.id: self._plain_cost(request, node) for node in pool}

    def _plain_cost(self, request: InferenceRequest, node: Candidate) -> tuple[float, int, int]:
        policy, now_s = self.policy, self.kit.now_s
        book = policy._book(request.model)
        lane: Lane = book.lanes.get(node.id) or policy._lane(book, request.model, node.id)
        lane.look(request.model, node, now_s)
        work = lane.work
        held = 0
        if request.prompt is not None:
            found = policy._index.matches(request.prompt.blocks, book.salt, now_s)
            held = int(found.get(work, 0) * (BLOCK_BYTES / book.bytes_per_token) * lane.hit_share)
        text_bytes = 0 if request.prompt is None else request.prompt.text_bytes
        text_tokens = 1 + int(text_bytes / book.bytes_per_token)
        tokens = max(1, (int(book.prompt_tokens) if text_tokens == 1 else text_tokens) - held)
        answer = book.output_tokens if request.max_tokens is None else min(request.max_tokens, book.output_tokens)
        step_s = lane.decode.at(node.active)
        answer_s = book.output_tokens * lane.decode.at(work.in_flight)
        seconds = lane.prefill.at(tokens) + 0.05 * answer * step_s
        if request.objective is not None:
            seconds += 0.3 * answer * max(0.0, step_s - request.objective.tpot_s)
        seconds += max(work.wait_s(now_s), work.full_s(answer_s))
        if work.in_flight == 0 and lane.samples < 3:
            seconds *= 0.5
        if lane.needs_load:
            seconds += 2.0 * lane.expected_load_s
        return seconds + work.penalty_s(now_s), tokens, work.turn


@given(st.integers(0, 1 << 32), st.integers(0, 60))
def test_the_choice_is_the_cheapest_by_the_plain_formula(seed: int, steps: int) -> None:
    life = Life(seed)
    life.live(steps)
    for _ in range(5):
        request = life.request()
        pool = life.kit.fleet.candidates(request.model)
        assert pool is not None
        choice = life.policy.pick(request, pool, life.kit.now_s)
        costs = life.plain_costs(request)
        lowest_s = min(seconds for seconds, _, _ in costs.values())
        as_good = [name for name, (seconds, _, _) in costs.items() if seconds <= 1.05 * lowest_s + 0.005]
        expected = min(as_good, key=lambda name: costs[name][1:])
        assert choice.node_id == expected
        others = sorted(seconds for name, (seconds, _, _) in costs.items() if name != expected)[:3]
        assert [cost.total_s for cost in choice.costs] == pytest.approx([costs[expected][0], *others], rel=1e-9)
        for cost in choice.costs:
            assert sum(cost.terms.values()) == pytest.approx(cost.total_s)


def test_nodes_in_use_to_which_nothing_happens_are_not_priced_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(0)
    life.learn()
    pool = life.kit.fleet.candidates("m")
    assert pool is not None
    first = life.policy.explain(InferenceRequest("m", prompt=Prompt((), 4000)), pool, life.kit.now_s)
    monkeypatch.delattr(policy_module, "price_of")
    monkeypatch.delattr(Lane, "requote")
    assert life.policy.explain(InferenceRequest("m", prompt=Prompt((), 4000)), pool, life.kit.now_s) == first
    life.kit.now_s += LOOK_S
    with pytest.raises(AttributeError):
        life.policy.explain(InferenceRequest("m", prompt=Prompt((), 4000)), pool, life.kit.now_s)


def test_a_node_keeps_no_record_of_quotes_that_ended_unnoticed() -> None:
    life = Life(0)
    life.learn()
    for _ in range(50):
        life.kit.now_s += 2 * LOOK_S
        life.plain_costs(InferenceRequest("m"))
        pool = life.kit.fleet.candidates("m")
        assert pool is not None
        life.policy.explain(InferenceRequest("m"), pool, life.kit.now_s)
    assert max(len(work.quoting) for work in life.policy._works.values()) == 1


@given(st.integers(0, 1 << 32), st.integers(0, 60))
def test_who_is_refused_is_late_on_every_node_that_could_be_in_time(seed: int, steps: int) -> None:
    life = Life(seed)
    life.live(steps)
    now_s = life.kit.now_s
    objective = Objective(life.rng.choice((0.3, 1.0, 5.0)), life.rng.choice((0.03, 0.1)))
    request = InferenceRequest("m", stream=True, prompt=Prompt((), 4000), objective=objective)
    pool = life.kit.fleet.candidates("m")
    assert pool is not None
    retry_s = life.policy.shed(request, pool, now_s)
    life.plain_costs(request)
    late_s: list[float] = []
    hopeful = False
    for lane in life.policy._book("m").lanes.values():
        answer_s = lane.book.output_tokens * lane.decode.at(lane.work.in_flight)
        wait_s = max(lane.work.wait_s(now_s), lane.work.full_s(answer_s))
        read_s = lane.prefill.at(1 + int(4000 / lane.book.bytes_per_token))
        if lane.needs_load:
            read_s += lane.expected_load_s
        if read_s <= objective.ttft_s and lane.decode.base <= objective.tpot_s:
            hopeful = True
            if lane.decode.at(lane.work.in_flight) <= objective.tpot_s:
                late_s.append(wait_s + read_s - objective.ttft_s)
    if not hopeful or min(late_s, default=1.0) <= 0:
        assert retry_s is None
    else:
        assert retry_s == pytest.approx(min(late_s, default=1.0))


def test_a_prefix_that_very_many_hold_is_looked_for_where_most_of_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_module, "SCANNED_CANDIDATES", 8)
    monkeypatch.setattr(policy_module, "SAMPLED_CANDIDATES", 1)
    monkeypatch.setattr(policy_module, "REMEMBERED_CANDIDATES", 1)
    monkeypatch.setattr(policy_module, "MATCHING_CANDIDATES", 2)
    policy = AdaptivePolicy()
    kit = FleetKit(policy=policy)
    turns = tuple(range(1, 13))
    for number in range(20):
        kit.node(f"n{number}", gpu=None, score=0)
        held = turns if number == 7 else turns[: 1 + number % 3]
        request = InferenceRequest("m", stream=True, prompt=Prompt(held, len(held) * BLOCK_BYTES))
        policy.dispatched(request, NodeId(f"n{number}"), kit.now_s)
        policy.ended(request, NodeId(f"n{number}"), Outcome(OutcomeKind.ANSWERED), kit.now_s)
    wanted = InferenceRequest("m", prompt=Prompt(turns, 12 * BLOCK_BYTES))
    pool = kit.fleet.candidates("m")
    assert pool is not None
    policy.explain(wanted, pool, kit.now_s)
    offer = kit.balancer.offer(wanted, kit.now_s)
    assert isinstance(offer, Lease)
    assert (offer.node.id, offer.reason) == ("n7", Reason.AFFINITY)


def test_of_a_thousand_nodes_that_hold_parts_of_a_prompt_a_bounded_number_is_priced() -> None:
    policy = AdaptivePolicy()
    kit = FleetKit(policy=policy)
    turns = tuple(range(1, 25))
    for number in range(1000):
        kit.node(f"n{number}", gpu=None, score=0)
    request = InferenceRequest("m", stream=True, prompt=Prompt(turns, len(turns) * BLOCK_BYTES))
    pool = kit.fleet.candidates("m")
    assert pool is not None
    policy.explain(request, pool, kit.now_s)
    for number in range(1000):
        held = turns[: 1 + number % 24]
        read = InferenceRequest("m", stream=True, prompt=Prompt(held, len(held) * BLOCK_BYTES))
        policy.dispatched(read, NodeId(f"n{number}"), kit.now_s)
    book = policy._book("m")
    matches = policy._ask(request, book, kit.now_s)[1]
    assert len(matches) > 3 * MATCHING_CANDIDATES
    assert len(list(policy._sample(pool, book, matches))) <= SAMPLED_CANDIDATES + MATCHING_CANDIDATES + 2
