from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sim.prefix_cache import BLOCK_TOKENS, PrefixCache


def test_a_released_prompt_is_found_again_from_its_first_block_on() -> None:
    cache = PrefixCache(10 * BLOCK_TOKENS)
    assert cache.claim((1, 2, 3), 100)
    cache.release((1, 2, 3), 100)
    assert cache.matched((1, 2, 9)) == 2
    assert cache.matched((9, 2, 3)) == 0
    assert cache.used == 0


def test_the_least_recent_prompt_gives_way_its_last_block_first() -> None:
    cache = PrefixCache(6 * BLOCK_TOKENS)
    for prompt in ((1, 2, 3), (4, 5, 6)):
        assert cache.claim(prompt, 0)
        cache.release(prompt, 0)
    assert cache.claim((7, 8), 0)
    assert (cache.matched((1, 2, 3)), cache.matched((4, 5, 6))) == (1, 3)


def test_blocks_in_use_are_shared_and_never_given_up() -> None:
    cache = PrefixCache(4 * BLOCK_TOKENS)
    assert cache.claim((1, 2), 0)
    assert cache.claim((1, 2, 3), 0)
    assert cache.used == 3 * BLOCK_TOKENS
    assert not cache.claim((8, 9), 0)
    cache.release((1, 2, 3), 0)
    assert cache.matched((1, 2, 3)) == 3
    assert cache.claim((8, 9), 0)
    assert cache.matched((1, 2, 3)) == 2


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6), st.integers(0, 700), st.booleans()), max_size=60))
def test_memory_is_never_exceeded_and_all_of_it_comes_back(
    acts: list[tuple[int, int, int, bool]],
) -> None:
    cache = PrefixCache(12 * BLOCK_TOKENS)
    running: list[tuple[tuple[int, ...], int]] = []
    for family, length, private, ends in acts:
        prompt = tuple(100 * family + place for place in range(length))
        if ends and running:
            cache.release(*running.pop(0))
        elif cache.claim(prompt, private):
            running.append((prompt, private))
        users = Counter(block for blocks, _ in running for block in blocks)
        assert cache.used == BLOCK_TOKENS * len(users) + sum(tokens for _, tokens in running)
        assert cache.used <= cache.capacity
        assert all(cache.matched(blocks) == len(blocks) for blocks, _ in running)
    for blocks, private in running:
        cache.release(blocks, private)
    assert cache.used == 0
