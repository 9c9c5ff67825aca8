"""The queue of a model: whose turn it is."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

from fakes.fleet import MODEL, FleetKit
from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.admission import ModelQueue, RefusalKind, Ticket
from llmlb.core.balancer import QueueRules
from llmlb.core.choice import InferenceRequest
from llmlb.core.outcome import Outcome, OutcomeKind, Usage


class Nobody:
    def refused(self, kind: RefusalKind) -> None:
        raise AssertionError(kind)


def ticket(key: str, *, prompt_bytes: int = 400, at_s: float = 0.0, deadline_s: float = 30.0) -> Ticket:
    request = InferenceRequest("m", body_bytes=prompt_bytes, key_id=key)
    return Ticket(request, Nobody(), at_s, deadline_s, 1)


def keys(queue: ModelQueue, count: int) -> list[str]:
    return [queue.pop().request.key_id for _ in range(count)]


def test_first_come_first_served_inside_a_key() -> None:
    queue = ModelQueue()
    tickets = [ticket("a") for _ in range(5)]
    for each in tickets:
        queue.push(each)
    assert [queue.pop() for _ in tickets] == tickets
    assert (len(queue), queue.head()) == (0, None)


def test_equal_keys_take_turns() -> None:
    queue = ModelQueue()
    for key in "aaabbbccc":
        queue.push(ticket(key))
    assert keys(queue, 9) == list("abcabcabc")


def test_fairness_counts_tokens_and_not_requests() -> None:
    queue = ModelQueue()
    for _ in range(50):
        queue.push(ticket("long", prompt_bytes=8000))
        queue.push(ticket("short", prompt_bytes=400))
    served = Counter(keys(queue, 42))
    assert 38 <= served["short"] <= 41


def test_one_short_request_does_not_wait_behind_fifty_long_ones() -> None:
    queue = ModelQueue()
    for _ in range(50):
        queue.push(ticket("bulk", prompt_bytes=8000))
    keys(queue, 10)
    for _ in range(5):
        queue.push(ticket("chat", prompt_bytes=200))
        assert "chat" in keys(queue, 2)


def test_a_key_that_was_away_has_not_saved_up_turns() -> None:
    queue = ModelQueue()
    for _ in range(40):
        queue.push(ticket("steady"))
    keys(queue, 20)
    for _ in range(20):
        queue.push(ticket("late"))
    assert Counter(keys(queue, 20)) == {"steady": 10, "late": 10}


def test_a_key_cannot_escape_its_bill_by_leaving_for_a_moment() -> None:
    queue = ModelQueue()
    for _ in range(60):
        queue.push(ticket("steady", prompt_bytes=400))
    queue.push(ticket("greedy", prompt_bytes=8000))
    served = []
    for _ in range(45):
        served += keys(queue, 1)
        if served[-1] == "greedy":
            queue.push(ticket("greedy", prompt_bytes=8000))
    turns = [place for place, key in enumerate(served) if key == "greedy"]
    assert len(turns) == 3
    assert min(later - earlier for earlier, later in pairwise(turns)) >= 18


def test_answers_are_charged_too() -> None:
    queue = ModelQueue()
    for key in "ab" * 10:
        queue.push(ticket(key))
    queue.charge("a", 505.0)
    assert keys(queue, 6) == ["b"] * 5 + ["a"]


def test_the_balancer_charges_answers_to_the_keys_that_wait() -> None:
    kit = FleetKit(queue=QueueRules(per_model=100))
    kit.node("a", limit=1)
    lease = kit.take()
    for _ in range(4):
        for key in ("wordy", "terse"):
            request = InferenceRequest(MODEL, body_bytes=400, key_id=key)
            kit.balancer.offer(request, kit.now_s, waiter=Nobody())
    served = []
    while kit.balancer.queues:
        words = 1000 if lease.request.key_id == "wordy" else 10
        kit.settle(lease, Outcome(OutcomeKind.ANSWERED, usage=Usage(completion=words)))
        (grant,) = kit.balancer.grants(kit.now_s)
        lease = grant.lease
        served.append(lease.request.key_id)
    assert served == ["wordy", *["terse"] * 4, *["wordy"] * 3]


def test_a_ticket_may_leave_from_anywhere() -> None:
    queue = ModelQueue()
    tickets = [ticket(key) for key in "aab"]
    for each in tickets:
        queue.push(each)
    assert queue.remove(tickets[0])
    assert not queue.remove(tickets[0])
    assert queue.remove(tickets[2])
    assert list(queue) == [tickets[1]]
    assert queue.head() is tickets[1]


def test_who_waited_too_long_is_taken_out() -> None:
    queue = ModelQueue()
    brief, patient = ticket("a", deadline_s=2.0), ticket("a", deadline_s=30.0)
    for each in (brief, patient):
        queue.push(each)
    assert queue.expired(1.9) == []
    assert queue.expired(2.0) == [brief]
    assert list(queue) == [patient]


def test_a_million_keys_leave_no_trace() -> None:
    queue = ModelQueue()
    queue.push(ticket("steady", prompt_bytes=4))
    for number in range(20_000):
        key = f"k{number}"
        queue.charge(key, 10.0)
        queue.push(ticket(key, prompt_bytes=4))
        queue.pop()
    assert len(queue._served) < 200
    assert len(queue._order) < 200


@given(st.integers(0, 1 << 32), st.lists(st.sampled_from("pppprcx"), max_size=120))
def test_every_ticket_leaves_exactly_once(seed: int, steps: list[str]) -> None:
    queue, rng = ModelQueue(), Random(seed)
    waiting: list[Ticket] = []
    for step in steps:
        if step == "p":
            each = ticket(rng.choice("abcd"), prompt_bytes=rng.randrange(1, 9000), deadline_s=rng.randrange(9))
            waiting.append(each)
            queue.push(each)
        elif step == "c":
            queue.charge(rng.choice("abcdef"), rng.random() * 1000)
        elif step == "x":
            gone = queue.expired(4.0)
            assert set(gone) == {each for each in waiting if each.deadline_at_s <= 4.0}
            waiting = [each for each in waiting if each not in gone]
        elif waiting:
            head = queue.head()
            served = queue.pop()
            assert served is head
            assert served is next(each for each in waiting if each.request.key_id == served.request.key_id)
            waiting.remove(served)
        assert len(queue) == len(waiting)
        assert set(queue) == set(waiting)
