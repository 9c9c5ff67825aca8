"""The ledger of a node: what a new request would wait for, and that nothing stays behind."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.node import NodeId
from llmlb.policies.adaptive.lane import Lane, ModelBook
from llmlb.policies.adaptive.ledger import PENALTY_FADE_S, Entry, NodeWork
from llmlb.policies.adaptive.line import FadingLine


class Desk:
    """A node that reads 1,000 tokens a second, and whose clock stands still."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.work = NodeWork(NodeId("n"), 0)
        self.lane = self.work.lanes["m"] = Lane(ModelBook("m"), self.work)
        self.lane.prefill = FadingLine(0.0, 0.001, 2000.0)

    def enter(self, tokens: int, *, streaming: bool = True) -> Entry:
        entry = Entry(self.lane, tokens=tokens, matched_tokens=0, is_streaming=streaming, visit=None, now_s=self.now_s)
        self.work.enter(entry, self.now_s)
        return entry

    def wait_s(self, passed_s: float = 0.0) -> float:
        self.now_s += passed_s
        return self.work.wait_s(self.now_s)


def test_a_new_request_waits_for_the_prompts_before_it() -> None:
    desk = Desk()
    assert desk.wait_s() == 0.0
    desk.enter(2000)
    desk.enter(500)
    assert desk.wait_s() == pytest.approx(2.5)


def test_what_has_been_read_of_the_first_is_not_waited_for() -> None:
    desk = Desk()
    desk.enter(2000)
    desk.enter(500)
    assert desk.wait_s(1.5) == pytest.approx(1.0)


def test_an_overdue_first_token_counts_against_the_node() -> None:
    desk = Desk()
    desk.enter(2000)
    assert desk.wait_s(2.0) == pytest.approx(0.0)
    assert desk.wait_s(10.0) == pytest.approx(10.0)


def test_the_first_token_takes_the_prompt_off_and_not_the_end() -> None:
    desk = Desk()
    first, second = desk.enter(2000), desk.enter(500)
    desk.now_s += 2.0
    desk.work.read(first, desk.now_s)
    assert desk.wait_s() == pytest.approx(0.5)
    assert desk.work.in_flight == 2
    desk.work.leave(second, desk.now_s)
    assert desk.wait_s() == 0.0


def test_reading_time_excludes_the_wait_for_others() -> None:
    desk = Desk()
    first, second = desk.enter(2000), desk.enter(500)
    desk.now_s += 2.2
    desk.work.read(first, desk.now_s)
    desk.now_s += 0.6
    desk.work.read(second, desk.now_s)
    assert [first.read_s, second.read_s] == pytest.approx([2.2, 0.6])


def test_an_answer_that_comes_whole_counts_as_read_when_it_should_have_been() -> None:
    desk = Desk()
    desk.enter(2000, streaming=False)
    desk.enter(1000, streaming=False)
    desk.enter(700)
    assert desk.wait_s(2.5) == pytest.approx(1.2)
    assert desk.wait_s(1.0) == pytest.approx(0.2)
    assert desk.lane.waiting_count == 1


def test_a_full_node_is_known_by_the_late_and_has_room_again_by_the_prompt() -> None:
    desk = Desk()
    desk.lane.samples = 10
    running = [desk.enter(10) for _ in range(4)]
    for entry in running:
        desk.work.read(entry, desk.now_s)
    late = desk.enter(10)
    assert desk.work.full_s(8.0) == 0.0
    desk.now_s += 5.0
    desk.work.leave(running.pop(), desk.now_s)
    desk.work.read(late, desk.now_s)
    assert desk.work.room == 4
    assert desk.work.full_s(8.0) == pytest.approx(2.0)
    for _ in range(2):
        desk.work.read(desk.enter(10), desk.now_s)
    assert desk.work.room > 5


def test_a_guess_that_was_too_high_is_not_taken_for_a_full_node() -> None:
    desk = Desk()
    entry = desk.enter(10)
    desk.now_s += 5.0
    desk.work.read(entry, desk.now_s)
    assert desk.work.room == math.inf


def test_room_that_was_taken_for_too_small_is_found_again() -> None:
    desk = Desk()
    desk.lane.samples = 10
    desk.work.room = 1.0
    for _ in range(60):
        entries = [desk.enter(10) for _ in range(int(desk.work.room) + 1)]
        for entry in entries:
            desk.work.read(entry, desk.now_s)
        for entry in entries:
            desk.work.leave(entry, desk.now_s)
    assert desk.work.room > 16


def test_failures_cost_more_in_a_row_and_are_forgiven() -> None:
    work = NodeWork(NodeId("n"), 0)
    costs = []
    for _ in range(6):
        work.failed(50.0)
        costs.append(work.penalty_s(50.0))
    assert costs == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert work.penalty_s(50.0 + PENALTY_FADE_S / 2) == pytest.approx(4.0)
    assert work.penalty_s(50.0 + PENALTY_FADE_S) == 0.0
    work.failed(90.0)
    assert work.penalty_s(90.0) == 1.0


@given(st.integers(0, 1 << 32), st.lists(st.sampled_from("esrlt"), max_size=80))
def test_the_ledger_returns_to_zero_after_any_interleaving(seed: int, steps: list[str]) -> None:
    desk, rng = Desk(), Random(seed)
    other = desk.work.lanes["o"] = Lane(ModelBook("o"), desk.work)
    other.is_resident = False
    open_entries: list[Entry] = []
    for step in steps:
        lane = rng.choice((desk.lane, other))
        if step in "es":
            entry = Entry(
                lane,
                tokens=rng.randrange(1, 9000),
                matched_tokens=0,
                is_streaming=step == "s",
                visit=None,
                now_s=desk.now_s,
            )
            desk.work.enter(entry, desk.now_s)
            open_entries.append(entry)
        elif step == "t":
            desk.now_s += rng.random() * 10
        elif open_entries:
            entry = rng.choice(open_entries)
            if step == "r":
                if entry.is_streaming and not entry.is_read:
                    desk.work.read(entry, desk.now_s)
            else:
                open_entries.remove(entry)
                assert desk.work.leave(entry, desk.now_s) >= 0.0
        wait_s = desk.wait_s()
        assert 0.0 <= wait_s < math.inf
        assert desk.work.in_flight == len(open_entries)
    for entry in open_entries:
        desk.work.leave(entry, desk.now_s)
    assert desk.wait_s() == 0.0
    assert (desk.work.in_flight, len(desk.work.waiting)) == (0, 0)
    for lane in (desk.lane, other):
        assert (lane.in_flight, lane.waiting_count, lane.waiting_tokens, lane.loads) == (0, 0, 0, 0)
