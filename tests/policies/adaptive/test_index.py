"""Which node holds which beginnings: longest match, bounded, and forgetful in time."""

from __future__ import annotations

import tracemalloc
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.policies.adaptive.index import EXPIRY_S, MAX_HOLDERS, VISIT_S, PrefixIndex

NOW_S = 1000.0


def test_each_node_is_credited_with_its_longest_match() -> None:
    index = PrefixIndex[str]()
    index.record((1, 2, 3, 4), 0, "a", NOW_S)
    index.record((1, 2, 9), 0, "b", NOW_S)
    index.record((8,), 0, "c", NOW_S)
    assert index.matches((1, 2, 3, 5), 0, NOW_S) == {"a": 3, "b": 2}


def test_a_match_ends_at_the_first_difference() -> None:
    index = PrefixIndex[str]()
    index.record((1, 2, 3), 0, "a", NOW_S)
    assert index.matches((7, 2, 3), 0, NOW_S) == {}


def test_models_do_not_share_prefixes() -> None:
    index = PrefixIndex[str]()
    index.record((1, 2), 11, "a", NOW_S)
    assert index.matches((1, 2), 22, NOW_S) == {}
    assert index.matches((1, 2), 11, NOW_S) == {"a": 2}


def test_a_visit_that_came_to_nothing_does_not_hold() -> None:
    index = PrefixIndex[str]()
    index.record((1, 2, 3, 4), 0, "b", NOW_S)
    index.record((1, 2, 3, 4), 0, "a", NOW_S - VISIT_S)
    visit = index.record((1, 2), 0, "a", NOW_S)
    index.withdraw((1, 2), 0, visit)
    assert index.matches((1, 2), 0, NOW_S) == {"b": 2}
    assert index.matches((1, 2, 3), 0, NOW_S) == {"a": 3, "b": 3}


def test_what_nobody_holds_any_more_leaves_the_memory() -> None:
    index = PrefixIndex[str]()
    index.withdraw((1,), 0, index.record((1,), 0, "a", NOW_S))
    index.record((2,), 0, "a", NOW_S)
    assert len(index) == 1


def test_prompts_of_one_second_share_one_visit() -> None:
    """Or the same short prompts on many nodes take eight times the memory that the cap is meant for."""
    index = PrefixIndex[str]()
    visits = {id(index.record((number,), 0, "a", NOW_S + number / 1000)) for number in range(500)}
    assert len(visits) == 1
    index.forget("a")
    assert index._latest == {}


def test_entries_expire_without_use_and_leave_the_memory() -> None:
    index = PrefixIndex[str]()
    index.record(tuple(range(100)), 0, "a", NOW_S)
    later_s = NOW_S + EXPIRY_S + 1
    assert index.matches((0, 1), 0, later_s) == {}
    for number in range(60):
        index.record((1000 + number,), 0, "b", later_s)
    assert len(index) == 60


def test_use_keeps_an_entry() -> None:
    index = PrefixIndex[str]()
    for step in range(10):
        index.record((1, 2), 0, "a", NOW_S + step * EXPIRY_S / 2)
    assert index.matches((1, 2), 0, NOW_S + 5 * EXPIRY_S) == {"a": 2}


def test_ends_are_dropped_before_the_beginnings_that_others_share() -> None:
    index = PrefixIndex[str](max_blocks=6)
    index.record((1, 2, 3), 0, "a", NOW_S)
    index.record((4, 5, 6, 7), 0, "a", NOW_S)
    assert index.matches((1, 2, 3), 0, NOW_S) == {"a": 2}
    assert index.matches((4, 5, 6, 7), 0, NOW_S) == {"a": 4}


def test_what_was_not_used_for_longest_is_dropped_first() -> None:
    index = PrefixIndex[str](max_blocks=4)
    for blocks in ((1, 2), (3, 4), (1, 2), (5, 6)):
        index.record(blocks, 0, "a", NOW_S)
    assert index.matches((1, 2), 0, NOW_S) == {"a": 2}
    assert index.matches((3, 4), 0, NOW_S) == {}


def test_a_block_remembers_its_latest_holders_only() -> None:
    index = PrefixIndex[int]()
    for node in range(100):
        index.record((1,), 0, node, NOW_S)
    assert set(index.matches((1,), 0, NOW_S)) == set(range(100 - MAX_HOLDERS, 100))


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 2), max_size=6), st.integers(0, 3), st.floats(0, 3000)),
        max_size=60,
    )
)
def test_it_never_grows_above_its_cap_nor_credits_what_was_not_read(
    visits: list[tuple[list[int], int, float]],
) -> None:
    index = PrefixIndex[int](max_blocks=16)
    read: dict[int, set[int]] = {}
    now_s = 0.0
    for path, node, passed_s in visits:
        blocks = tuple(hash(tuple(path[:end])) for end in range(1, len(path) + 1))
        now_s += passed_s
        for holder, depth in index.matches(blocks, 0, now_s).items():
            assert set(blocks[:depth]) <= read[holder]
        index.record(blocks, 0, node, now_s)
        read.setdefault(node, set()).update(blocks)
        assert len(index) <= 16


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 1), max_size=6), st.integers(0, 3), st.floats(VISIT_S, 900)),
        max_size=60,
    )
)
def test_a_node_is_credited_with_exactly_what_it_read_and_has_not_let_expire(
    visits: list[tuple[list[int], int, float]],
) -> None:
    index = PrefixIndex[int]()
    read_at_s: dict[tuple[int, int], float] = {}
    now_s = 0.0
    for path, node, passed_s in visits:
        blocks = tuple(hash(tuple(path[:end])) for end in range(1, len(path) + 1))
        now_s += passed_s
        expected: dict[int, int] = {}
        for depth, block in enumerate(blocks, 1):
            for holder in range(4):
                if now_s - read_at_s.get((holder, block), -EXPIRY_S * 2) <= EXPIRY_S:
                    expected[holder] = depth
        assert index.matches(blocks, 0, now_s) == expected
        index.record(blocks, 0, node, now_s)
        read_at_s.update(((node, block), now_s) for block in blocks)


def test_distinct_prompts_without_end_stay_under_the_cap() -> None:
    index = PrefixIndex[str](max_blocks=1000)
    for number in range(20_000):
        index.record((number, number + 1_000_000), 0, "a", NOW_S)
    assert len(index) == 1000


@pytest.mark.parametrize(("readers", "block_bytes"), [(1, 300), (32, 700)])
def test_a_full_index_takes_no_more_memory_than_is_promised(readers: int, block_bytes: int) -> None:
    """30 MB for its 100,000 blocks, and at most 70 MB where dozens of nodes read the same short prompts."""
    rng, blocks = Random(1), 1000
    tracemalloc.start()
    try:
        index = PrefixIndex[int](max_blocks=blocks)
        for number in range(blocks * 6 // 10):
            prompt = (rng.getrandbits(64), rng.getrandbits(64))
            for reader in range(readers):
                index.record(prompt, 0, (number + reader) % 50, NOW_S + number / 20)
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index) == blocks
    assert taken_bytes <= block_bytes * blocks
